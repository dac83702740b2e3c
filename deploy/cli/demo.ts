/** `shadowgrid demo`: installs what is missing, runs the pattern job in a real VM under its shadow, shows and sums it up. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { defineCommand } from 'citty';
import { InvalidRequest } from '../../actors/job/mod.ts';
import { connectNats } from '../../runtime/mod.ts';
import { type LocalGrid, startLocalGrid } from '../local/mod.ts';
import { ensureDebianPackages, LIBVIRT_PACKAGES } from '../setup/mod.ts';
import {
  comparison,
  DEMO_SCENARIO,
  LiveView,
  riseLines,
  runTrial,
  type TrialOptions,
  type TrialPolicy,
  type TrialResult,
  trialJson,
} from '../trial/mod.ts';
import { parseNumber } from './arguments.ts';
import { printJson } from './print.ts';
import { untilSignal } from './signals.ts';

/** The pattern is learnt from the first ones and judged on the rest. */
const LEAST_CYCLES = DEMO_SCENARIO.learnCycles + 1;

export const demo = defineCommand({
  meta: {
    name: 'demo',
    description: 'Run a job whose demand rises and falls, and see its resources come first',
  },
  args: {
    simulated: { type: 'boolean', description: 'on a simulated host, where there is no root or no libvirt' },
    compare: {
      type: 'boolean',
      description: 'run it twice more: with a reactive rule, and with a fixed mean',
    },
    cycles: {
      type: 'string',
      description: `how often demand rises; default ${DEMO_SCENARIO.cycles}, at least ${LEAST_CYCLES}`,
    },
    json: { type: 'boolean', description: 'last line is one JSON object' },
  },
  run: async ({ args }) => {
    const label = args.simulated ? 'simulated: ' : '';
    const say = (line = '') => process.stdout.write(`${label}${line}\n`);
    const scenario = { ...DEMO_SCENARIO, cycles: cyclesOf(args.cycles) };
    const abort = new AbortController();
    void untilSignal().then(() => abort.abort());
    if (!args.simulated) await ensureDebianPackages(LIBVIRT_PACKAGES, { onProgress: say });
    const state = await mkdtemp(join(tmpdir(), 'shadowgrid-demo-'));
    let local: LocalGrid | undefined;
    try {
      local = await startLocalGrid({
        state,
        simulated: args.simulated === true,
        onProgress: say,
        onWarn: (line) => say(`warning: ${line}`),
      });
      say(`the grid runs on this machine: NATS ${local.natsUrl}, admin API ${local.adminUrl}`);
      const transport = await connectNats({ servers: local.natsUrl, name: 'shadowgrid-demo' });
      const results = await runPolicies(
        { transport, scenario, signal: abort.signal },
        args.compare === true,
        label,
        say,
      );
      await transport.close();
      summarise(results, say);
      if (args.json) printJson({ simulated: args.simulated === true, results: results.map(trialJson) });
    } finally {
      const left = (await local?.stop()) ?? [];
      for (const thing of left) say(`left running: ${thing}`);
      await rm(state, { recursive: true, force: true });
    }
  },
});

async function runPolicies(
  trial: Pick<TrialOptions, 'transport' | 'scenario' | 'signal'>,
  compare: boolean,
  label: string,
  say: (line?: string) => void,
): Promise<TrialResult[]> {
  const run = async (policy: TrialPolicy) => {
    say();
    say(styleText('bold', TITLES[policy.kind]));
    const view = new LiveView({ out: process.stdout, label });
    try {
      return await runTrial({ ...trial, policy, onProgress: (progress) => view.show(progress) });
    } finally {
      view.done();
    }
  };
  const forecast = await run({ kind: 'forecast' });
  if (!compare) return [forecast];
  const reactive = await run({ kind: 'reactive' });
  const mean = forecast.meanUse;
  const fixed = await run({
    kind: 'fixed',
    cores: Math.round(mean.cores * 100) / 100,
    memoryMiB: Math.ceil(mean.memoryMiB / 2) * 2,
  });
  return [forecast, reactive, fixed];
}

function cyclesOf(text: string | undefined): number {
  const cycles = parseNumber('cycles', text) ?? DEMO_SCENARIO.cycles;
  if (Number.isInteger(cycles) && cycles >= LEAST_CYCLES && cycles <= 1_000) return cycles;
  throw new InvalidRequest(`--cycles ${text} is too few or too many`, '--cycles', `${LEAST_CYCLES} to 1000`);
}

const TITLES = {
  forecast: 'A job whose demand rises and falls, under its shadow (policy forecast)',
  reactive: 'The same job, raised only when its use passes 80 % (control)',
  fixed: 'The same job, with what it uses on average (control)',
} as const;

function summarise(results: readonly TrialResult[], say: (line?: string) => void): void {
  const [forecast] = results;
  if (forecast === undefined) return;
  say();
  say(styleText('bold', 'Each rise of demand'));
  for (const line of riseLines(forecast)) say(line);
  say();
  say(styleText('bold', 'Once the pattern had been seen twice'));
  for (const line of comparison(results)) say(`  ${line}`);
  say();
  const { risesCovered, rises, leadP50Ms, throttledSeconds, seconds } = forecast.learned;
  say(
    `${Math.round(risesCovered * rises.length)} of ${rises.length} rises had their capacity before the demand, ` +
      `half of them ${(leadP50Ms / 1000).toFixed(2)} s or more ahead; the guest was held back for ` +
      `${throttledSeconds.toFixed(2)} s of ${seconds.toFixed(0)} s, and waited ${forecast.memoryRefusedMs} ms for memory.`,
  );
}
