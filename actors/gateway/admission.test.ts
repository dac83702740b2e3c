/** Admission: what the grid can never run is refused at the door. */
import { expect, test } from 'vitest';
import type { HostView } from '../host/mod.ts';
import { type JobRequestInput, parseSubmission } from '../job/mod.ts';
import { admit, type Inventory } from './admission.ts';

const host = (cores: number, memoryMiB: number, pool = 'general-purpose'): HostView => ({
  name: `h${cores}-${memoryMiB}`,
  kind: 'simulated',
  version: 'simulated',
  pool,
  accepting: true,
  capacity: { cores, memoryMiB },
  free: { cores: 0, memoryMiB: 0 },
  domains: 3,
});
const inventory: Inventory = {
  images: ['tiny', 'large'],
  pools: ['general-purpose', 'empty'],
  hosts: [host(4, 1024), host(2, 4096), host(64, 65_536, 'other')],
};

function check(more: Partial<JobRequestInput>, at = '') {
  const [request] = parseSubmission({ application: 'a', user: 'u', command: 'x', ...more });
  admit(request!, inventory, at);
}

test('takes what some host could run, full or not', () => {
  check({});
  check({ resources: { cores: 4, memoryMiB: 1024 } });
  check({ resources: { cores: 1, maxCores: 2, maxMemoryMiB: 4096 } });
});

test.each([
  [{ image: 'none' }, 'image', 'tiny, large'],
  [{ pool: 'none' }, 'pool', 'general-purpose, empty'],
  [{ resources: { cores: 5 } }, 'resources.cores', 'at most 4 cores'],
  [{ resources: { maxCores: 5 } }, 'resources.maxCores', 'at most 4 cores'],
  [{ resources: { memoryMiB: 5000 } }, 'resources.memoryMiB', 'at most 4096 MiB'],
  [{ resources: { maxMemoryMiB: 5000 } }, 'resources.maxMemoryMiB', 'at most 4096 MiB'],
  // Each of them some host has, but none has both.
  [{ resources: { cores: 4, memoryMiB: 4096 } }, 'resources', '4 cores, 1024 MiB'],
])('refuses %j', (more, field, hint) => {
  const refusal = (path: string) =>
    expect.objectContaining({ code: 'invalid-request', field: path, hint: expect.stringContaining(hint) });
  expect(() => check(more)).toThrow(refusal(field));
  expect(() => check(more, 'jobs.3')).toThrow(refusal(`jobs.3.${field}`));
});

test('cannot judge the size for a pool that has no host yet', () => {
  check({ pool: 'empty', resources: { cores: 500 } });
});
