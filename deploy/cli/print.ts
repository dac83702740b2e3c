/** How the command line shows things: tables for people, JSON for programs, errors in one sentence. */
import { stripVTControlCharacters, styleText } from 'node:util';
import type { JobView } from '../../actors/job/mod.ts';
import { toWireError } from '../../runtime/mod.ts';

/** One object on one line. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Columns as wide as their widest cell. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ''))));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell + ' '.repeat(widths[column]! - width(cell)))
      .join('  ')
      .trimEnd();
  return [styleText('bold', line(header)), ...rows.map(line)].join('\n');
}

/** `error: what happened`, the field and what to do, on standard error. */
export function printError(thrown: unknown): void {
  const { message, field, hint } = toWireError(original(thrown));
  process.stderr.write(`${styleText('red', 'error:')} ${message}\n`);
  if (field) process.stderr.write(`  field: ${field}\n`);
  if (hint && !message.includes(hint)) process.stderr.write(`  ${styleText('bold', 'try:')} ${hint}\n`);
}

/** What went wrong first, where undoing it went wrong too. */
function original(thrown: unknown): unknown {
  return thrown instanceof SuppressedError ? original(thrown.suppressed) : thrown;
}

export function jobRow(job: JobView): string[] {
  return [
    job.id,
    stateStyle(job.state),
    job.request.user,
    job.request.application,
    job.host ?? '-',
    ago(job.submittedAt),
    job.error?.message ?? (job.exitCode === undefined ? '' : `exit status ${job.exitCode}`),
  ];
}

export const JOB_HEADER = ['ID', 'STATE', 'USER', 'APPLICATION', 'HOST', 'AGE', 'NOTE'] as const;

export function stateStyle(state: JobView['state']): string {
  if (state === 'completed') return styleText('green', state);
  if (state === 'failed') return styleText('red', state);
  if (state === 'cancelled') return styleText('yellow', state);
  return styleText('cyan', state);
}

function ago(t: number): string {
  const seconds = Math.max(0, Math.round((Date.now() - t) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`;
  return `${Math.round(seconds / 3600)}h`;
}

function width(text: string): number {
  return stripVTControlCharacters(text).length;
}
