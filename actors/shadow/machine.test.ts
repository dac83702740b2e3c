/** The shadow: what it asks for, and what it can explain afterwards. */
import { expect, test } from 'vitest';
import { createActor } from 'xstate';
import type { WardSpec } from '../allocator/mod.ts';
import type { Settlement } from '../host/mod.ts';
import { shadowMachine } from './machine.ts';
import type { ShadowEffect } from './messages.ts';

const allocation = { cores: 1, vcpus: 1, memoryMiB: 128 };
const ward: WardSpec = {
  jobId: 'j-1',
  domain: 'sg-j-1',
  host: 'h',
  policy: { kind: 'forecast', confidence: 0.9 },
  allocation,
  floor: allocation,
  limit: { cores: 4, vcpus: 4, memoryMiB: 512 },
  dryRun: false,
};
const settlement = (id: number, outcome: Settlement['outcome'], granted: number): Settlement => ({
  directive: {
    id: `d-${id}`,
    jobId: 'j-1',
    domain: 'sg-j-1',
    resource: 'cores',
    from: 1,
    to: 2,
    reason: { rule: 'forecast', use: 1, demand: 2 },
    at: id,
  },
  outcome,
  granted,
  tookMs: 3,
  at: id,
});

function start() {
  const effects: ShadowEffect[] = [];
  const shadow = createActor(shadowMachine, { input: ward });
  shadow.on('*', (effect) => effects.push(effect));
  return { shadow: shadow.start(), effects };
}

test('tracks its ward, again when asked to, and lets go at the end', () => {
  const { shadow, effects } = start();
  const moved = { ...ward, host: 'h2' };
  shadow.send({ type: 'watch', ward: moved });
  shadow.send({ type: 'end' });
  expect(effects).toEqual([
    { type: 'track', ward },
    { type: 'track', ward: moved },
    { type: 'untrack', jobId: 'j-1' },
  ]);
});

test('remembers what became of directives: counts of all, the newest in full', () => {
  const { shadow } = start();
  for (let i = 0; i < 70; i++) shadow.send({ type: 'settled', settlement: settlement(i, 'applied', 2) });
  shadow.send({ type: 'settled', settlement: settlement(70, 'partial', 1.5) });
  shadow.send({ type: 'settled', settlement: settlement(71, 'refused', 1.5) });
  const { counts, recent, ward: now, mode } = shadow.getSnapshot().context;
  expect(mode).toBe('model');
  expect(counts).toEqual({ applied: 70, partial: 1, refused: 1, failed: 0 });
  expect(recent.length).toBe(64);
  expect(recent.at(0)?.directive.id).toBe('d-8');
  expect(recent.at(-1)?.directive.id).toBe('d-71');
  expect(now.allocation).toEqual({ ...allocation, cores: 1.5 });
});
