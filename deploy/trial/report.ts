/** What a trial showed, for people: each rise, what was lost, and policies side by side. */
import { styleText } from 'node:util';
import type { TrialResult } from './trial.ts';

/** One line per rise: whether capacity was there, and by how much. */
export function riseLines(result: TrialResult): string[] {
  const learned = new Set(result.learned.rises.map((rise) => rise.phase.t));
  return result.whole.rises.map(({ phase, fromCores, covered, leadMs }) => {
    const verdict = covered
      ? styleText('green', `covered, capacity was there ${seconds(leadMs)} before`)
      : styleText('yellow', `late by ${Number.isNaN(leadMs) ? 'the whole phase' : seconds(-leadMs)}`);
    const note = learned.has(phase.t) ? '' : styleText('dim', '  (still learning the pattern)');
    const demand = `${fromCores.toFixed(2)} -> ${phase.cores.toFixed(2)} cores, ${phase.memoryMiB} MiB`;
    return `  cycle ${phase.cycle + 1}  ${demand}  ${verdict}${note}`;
  });
}

const COLUMNS = [
  ['policy', (r: TrialResult) => r.policy],
  ['rises covered', (r: TrialResult) => percent(r.learned.risesCovered)],
  ['lead p50', (r: TrialResult) => (Number.isNaN(r.learned.leadP50Ms) ? '-' : seconds(r.learned.leadP50Ms))],
  ['held back', (r: TrialResult) => `${r.learned.throttledSeconds.toFixed(2)} s`],
  ['memory refused', (r: TrialResult) => `${r.memoryRefusedMs} ms`],
  ['CPU slack', (r: TrialResult) => percent(r.learned.slackCores)],
  ['memory slack', (r: TrialResult) => percent(r.learned.slackMemory)],
  ['work lost', (r: TrialResult) => percent(r.workLost)],
] as const;

/** Policies side by side. Judged once the pattern had been seen twice; refused memory and work lost over the whole run. */
export function comparison(results: readonly TrialResult[]): string[] {
  const cells = results.map((result) => COLUMNS.map(([, show]) => show(result)));
  const widths = COLUMNS.map(([name], i) => Math.max(name.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ');
  return [styleText('bold', line(COLUMNS.map(([name]) => name))), ...cells.map(line)];
}

/** For programs. */
export function trialJson({ policy, learned, whole, workLost, memoryRefusedMs, job }: TrialResult) {
  const { rises: _, ...judged } = learned;
  return {
    policy,
    ...judged,
    risesCoveredWhole: whole.risesCovered,
    workLost,
    memoryRefusedMs,
    bootMs: job.bootMs,
  };
}

function percent(share: number): string {
  return Number.isNaN(share) ? '-' : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
