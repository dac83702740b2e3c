/** What is typed after `vm JOB`, as tasks; what is missing or wrong is named. */
import { expect, test } from 'vitest';
import { taskOf } from './vm-task.ts';

test.each([
  ['checkpoint', undefined, {}, { kind: 'checkpoint' }],
  ['checkpoint', 'before', { keep: '5' }, { kind: 'checkpoint', checkpoint: 'before', keep: 5 }],
  ['rollback', 'before', {}, { kind: 'roll-back', checkpoint: 'before' }],
  ['warm', undefined, { vcpus: '4', memory: '512' }, { kind: 'warm', vcpus: 4, memoryMiB: 512 }],
  ['limit-disk', 'vda', { 'read-iops': '0' }, { kind: 'limit-disk', disk: 'vda', readIops: 0 }],
  ['limit-network', undefined, { 'out-mbps': '10' }, { kind: 'limit-network', outboundMbps: 10 }],
  [
    'migrate',
    'b',
    { downtime: '80', cold: 'fallback' },
    { kind: 'migrate', to: 'b', downtimeMs: 80, cold: 'fallback' },
  ],
] as const)('%s %s', (action, subject, typed, task) => {
  expect(taskOf(action, subject, typed)).toEqual(task);
});

test.each([
  ['rollback', undefined, {}, 'a checkpoint'],
  ['warm', undefined, { vcpus: '4' }, '--memory'],
  ['warm', undefined, { vcpus: 'many', memory: '1' }, '--vcpus'],
  ['migrate', 'b', { cold: 'maybe' }, '--cold'],
  ['explode', undefined, {}, 'ACTION'],
  ['constructor', undefined, {}, 'ACTION'],
] as const)('%s %s %j is refused', (action, subject, typed, field) => {
  expect(() => taskOf(action, subject, typed)).toThrow(expect.objectContaining({ field }));
});
