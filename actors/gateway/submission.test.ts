/** Planning of submissions: ids, references, order, and what is refused. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type JobRequestInput, parseSubmission } from '../job/mod.ts';
import { planSubmission } from './submission.ts';

function plan(jobs: readonly Partial<JobRequestInput>[], known: readonly string[] = [], batch = true) {
  let serial = 0;
  const requests = parseSubmission({
    jobs: jobs.map((job) => ({ application: 'a', user: 'u', command: 'true', ...job })),
  });
  return planSubmission(requests, {
    now: 7,
    randomId: () => String(serial++).padStart(16, '0'),
    jobExists: (id) => known.includes(id),
    batch,
  });
}

describe('ids', () => {
  test('are fresh without a key', () => {
    expect(plan([{}, {}]).map((input) => input.id)).toEqual(['j-0000000000000000', 'j-0000000000000001']);
  });

  test('come from user and key alone', () => {
    const id = (job: Partial<JobRequestInput>) => plan([{ idempotencyKey: 'k', ...job }])[0]!.id;
    expect(id({})).toMatch(/^j-[0-9a-z]{8,40}$/);
    expect(id({ command: 'false' })).toBe(id({}));
    expect(id({ user: 'other' })).not.toBe(id({}));
    expect(id({ idempotencyKey: 'K' })).not.toBe(id({}));
  });

  test('the hash tells bodies apart, whatever the order of their fields', () => {
    const hash = (job: Partial<JobRequestInput>) => plan([{ idempotencyKey: 'k', ...job }])[0]!.requestHash;
    expect(hash({ priority: 50 })).toBe(hash({}));
    expect(hash({ priority: 1, image: 'x' })).toBe(hash({ image: 'x', priority: 1 }));
    expect(hash({ priority: 1 })).not.toBe(hash({}));
  });
});

describe('dependencies', () => {
  test('are ids of jobs that exist, or names of the batch; each once', () => {
    const [a, b] = plan([{ name: 'a' }, { dependencies: ['a', 'j-old', 'a'] }], ['j-old']);
    expect(b?.dependencies).toEqual([a?.id, 'j-old']);
  });

  test.each([
    ['unknown', [{}, { dependencies: ['j-none'] }], 'jobs.1.dependencies.0'],
    ['itself', [{ name: 'a', dependencies: ['a'] }], 'jobs.0.dependencies'],
    [
      'a cycle',
      [{}, { name: 'a', dependencies: ['b'] }, { name: 'b', dependencies: ['a'] }],
      'jobs.1.dependencies',
    ],
    ['two of a name', [{ name: 'a' }, { name: 'a' }], 'jobs.1.name'],
    ['two of a key', [{ idempotencyKey: 'k' }, { idempotencyKey: 'k' }], 'jobs.1.idempotencyKey'],
  ])('%s is refused', (_, jobs, field) => {
    expect(() => plan(jobs)).toThrow(
      expect.objectContaining({ code: 'invalid-request', field, hint: expect.any(String) }),
    );
  });

  test('one on its own id is refused, even after it was accepted', () => {
    const { id } = plan([{ idempotencyKey: 'k' }])[0]!;
    expect(() => plan([{ idempotencyKey: 'k', dependencies: [id] }], [id])).toThrow('is not a job');
  });

  test('a single job is not named as a batch', () => {
    expect(() => plan([{ dependencies: ['j-none'] }], [], false)).toThrow(
      expect.objectContaining({ field: 'dependencies.0' }),
    );
  });
});

test('every plan without a cycle comes in an order in which each job follows those it depends on', () => {
  // Edges only from later to earlier of a random order cannot close a cycle.
  const dag = fc.integer({ min: 1, max: 12 }).chain((n) =>
    fc.record({
      order: fc.shuffledSubarray(
        Array.from({ length: n }, (_, i) => i),
        { minLength: n },
      ),
      needs: fc.array(fc.array(fc.nat(11), { maxLength: 4 }), { minLength: n, maxLength: n }),
    }),
  );
  fc.assert(
    fc.property(dag, ({ order, needs }) => {
      const jobs = order.map((rank, i) => ({
        name: `n${rank}`,
        dependencies: needs[i]!.filter((other) => other < rank).map((other) => `n${other}`),
      }));
      const inputs = plan(jobs);
      expect(inputs.map((input) => input.request.name).sort()).toEqual(jobs.map((job) => job.name).sort());
      const seen = new Set<string>();
      for (const input of inputs) {
        expect(input.dependencies.every((id) => seen.has(id))).toBe(true);
        seen.add(input.id);
      }
    }),
  );
});
