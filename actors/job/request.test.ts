/** Job requests: what is filled in, what is refused, and how a refusal names the field. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidRequest, type JobRequestInput, parseSubmission } from './mod.ts';

const least: JobRequestInput = { application: 'render', user: 'ada', command: 'true' };

function refused(body: unknown): InvalidRequest {
  try {
    parseSubmission(body);
  } catch (error) {
    if (error instanceof InvalidRequest) return error;
    throw error;
  }
  throw new Error('was accepted');
}

test('fills in every default', () => {
  expect(parseSubmission(least)).toEqual([
    {
      ...least,
      image: 'tiny',
      resources: { cores: 0.5, memoryMiB: 128, maxCores: 0.5, maxMemoryMiB: 128 },
      pool: 'general-purpose',
      priority: 50,
      criticality: 'normal',
      dependencies: [],
      shadow: { policy: 'forecast', confidence: 0.95, dryRun: false },
    },
  ]);
});

test('the most a shadow may give is what the job starts with, unless told', () => {
  const [request] = parseSubmission({ ...least, resources: { cores: 2, maxMemoryMiB: 512 } });
  expect(request?.resources).toEqual({ cores: 2, memoryMiB: 128, maxCores: 2, maxMemoryMiB: 512 });
});

describe('names the field and what would be right', () => {
  test.each([
    [{ user: 'ada', command: 'x' }, 'application'],
    [{ ...least, application: '-x' }, 'application'],
    [{ ...least, application: 'a'.repeat(65) }, 'application'],
    [{ ...least, user: 7 }, 'user'],
    [{ ...least, user: 'a b' }, 'user'],
    [{ ...least, name: '' }, 'name'],
    [{ ...least, command: '' }, 'command'],
    [{ ...least, command: 'x'.repeat(65_537) }, 'command'],
    [{ ...least, command: undefined, script: ['a'] }, 'script'],
    [{ ...least, image: null }, 'image'],
    [{ ...least, resources: 4 }, 'resources'],
    [{ ...least, resources: { cores: 0 } }, 'resources.cores'],
    [{ ...least, resources: { cores: Number.NaN } }, 'resources.cores'],
    [{ ...least, resources: { memoryMiB: 128.5 } }, 'resources.memoryMiB'],
    [{ ...least, resources: { memoryMiB: 95 } }, 'resources.memoryMiB'],
    [{ ...least, resources: { cores: 2, maxCores: 1 } }, 'resources.maxCores'],
    [{ ...least, resources: { maxMemoryMiB: 100 } }, 'resources.maxMemoryMiB'],
    [{ ...least, pool: '' }, 'pool'],
    [{ ...least, priority: 101 }, 'priority'],
    [{ ...least, priority: 1.5 }, 'priority'],
    [{ ...least, criticality: 'vital' }, 'criticality'],
    [{ ...least, estimatedSeconds: 0 }, 'estimatedSeconds'],
    [{ ...least, deadlineSeconds: -1 }, 'deadlineSeconds'],
    [{ ...least, dependencies: 'j-1' }, 'dependencies'],
    [{ ...least, dependencies: ['ok', '../x'] }, 'dependencies.1'],
    [{ ...least, idempotencyKey: 'with space' }, 'idempotencyKey'],
    [{ ...least, shadow: { policy: 'psychic' } }, 'shadow.policy'],
    [{ ...least, shadow: { confidence: 1 } }, 'shadow.confidence'],
    [{ ...least, shadow: { dryRun: 'yes' } }, 'shadow.dryRun'],
    [{ ...least, shadow: { depth: 1 } }, 'shadow.depth'],
    [{ ...least, colour: 'red' }, 'colour'],
    [{ jobs: [least, { ...least, user: '' }] }, 'jobs.1.user'],
    [{ jobs: [{ ...least, resources: { gpus: 1 } }] }, 'jobs.0.resources.gpus'],
    [{ jobs: [least, 7] }, 'jobs.1'],
    [{ jobs: [] }, 'jobs'],
    [{ jobs: Array(257).fill(least) }, 'jobs'],
    [{ jobs: [least], user: 'ada' }, 'user'],
  ])('%j', (body, field) => {
    const error = refused(body);
    expect(error).toMatchObject({ code: 'invalid-request', field });
    expect(error.message).toContain(field);
    expect(error.hint).toMatch(/.+/);
  });

  test('known fields are listed where an unknown one was sent', () => {
    expect(refused({ ...least, cmd: 'x' }).hint).toContain('command');
    expect(refused({ ...least, resources: { gpus: 1 } }).hint).not.toContain('application');
  });

  test.each([undefined, null, 7, 'text', [], [least]])('%j is no request', (body) => {
    expect(refused(body)).toMatchObject({ field: '' });
  });
});

test.each([
  { ...least, script: 'echo' },
  { application: 'a', user: 'b' },
])('exactly one of command and script: %j', (body) => {
  expect(refused(body)).toMatchObject({ field: 'command', hint: expect.stringContaining('exactly one') });
});

test('a script alone is enough', () => {
  const { command: _, ...rest } = least;
  expect(parseSubmission({ ...rest, script: 'a\nb' })[0]).toMatchObject({ script: 'a\nb' });
});

test('garbage is refused with an InvalidRequest and nothing else', () => {
  const shaped = fc.record(
    Object.fromEntries(
      ['application', 'user', 'command', 'resources', 'shadow', 'dependencies', 'priority', 'jobs'].map(
        (key) => [key, fc.anything()],
      ),
    ),
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(fc.anything({ withNullPrototype: true, withMap: true }), shaped), (body) => {
      try {
        parseSubmission(body);
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidRequest);
      }
    }),
    { numRuns: 500 },
  );
});

test('a parsed request parses again to itself', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);
  const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const request = fc.record({
    application: name,
    user: name,
    name: optional(name),
    command: fc.string({ minLength: 1, maxLength: 50 }),
    resources: optional(
      fc.record({
        cores: fc.double({ min: 0.05, max: 4, noNaN: true }),
        maxCores: optional(fc.double({ min: 4, max: 512, noNaN: true })),
        memoryMiB: fc.integer({ min: 96, max: 4096 }),
      }),
    ),
    priority: optional(fc.integer({ min: 0, max: 100 })),
    dependencies: optional(fc.array(name, { maxLength: 5 })),
    deadlineSeconds: optional(fc.double({ min: 1, max: 1e6, noNaN: true })),
    shadow: optional(fc.record({ policy: fc.constantFrom('forecast', 'reactive', 'fixed') })),
  });
  fc.assert(
    fc.property(request, (body) => {
      const [once] = parseSubmission(body);
      expect(parseSubmission(once)).toEqual([once]);
    }),
  );
});
