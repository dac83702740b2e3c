/** The sources of a guest image, and the digest that tells whether they have changed. */
import { Buffer } from 'node:buffer';
import { expect, it } from 'vitest';
import { digest, readSources } from './sources.ts';

it('the sources are those of the agent, the workload, init and what packs them', async () => {
  const paths = [...(await readSources()).keys()];
  expect(paths).toEqual(expect.arrayContaining(['agent/main.c', 'agent/agent.h', 'workload/plan.c', 'init']));
  expect(digest(await readSources())).toBe(digest(await readSources()));
});

it('the digest changes with any name and any content', () => {
  const of = (entries: [string, string][]) =>
    digest(new Map(entries.map(([name, text]) => [name, Buffer.from(text)])));
  const digests = [
    of([['a', 'bc']]),
    of([['ab', 'c']]),
    of([['a', 'b']]),
    of([
      ['a', 'bc'],
      ['d', ''],
    ]),
  ];
  expect(new Set(digests).size).toBe(digests.length);
});
