/** Who runs a domain after an interrupted migration: every combination comes to rest, with one side at most. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Convergence } from './convergence.ts';
import { judge, type Sight } from './verdict.ts';

const running: Sight = { running: true, busy: false };
const paused = (pausedFor: NonNullable<Sight['pausedFor']>, busy = false): Sight => ({
  running: false,
  pausedFor,
  busy,
});

describe('judge', () => {
  it.each<[string, Sight | undefined, Sight | undefined, object]>([
    ['still being copied', { running: true, busy: true }, paused('migration'), { step: 'abort' }],
    ['an incomplete copy', running, paused('migration'), { step: 'end-there' }],
    ['a copy that was never started', running, paused('starting'), { step: 'end-there' }],
    ['handed over, and not ended here', paused('migration'), running, { step: 'end-here' }],
    ['sent, but never started there', paused('migration'), paused('migration'), { step: 'end-there' }],
    ['sent, and the copy is gone', paused('migration'), undefined, { step: 'resume-here' }],
    ['told of a failure, went on here', running, running, { step: 'end-there' }],
    ['arrived', undefined, running, { owner: 'there' }],
    ['ended here while it was copied', undefined, paused('migration'), { step: 'end-there' }],
    ['being restored there', undefined, paused('starting', true), { step: 'wait' }],
    ['never left', running, undefined, { owner: 'here' }],
    ['stopped by somebody', paused('other'), undefined, { owner: 'here' }],
    ['arrived, stopped by somebody', undefined, paused('other'), { owner: 'there' }],
    ['post-copy under way', paused('post-copy', true), running, { step: 'wait' }],
    ['post-copy failed', paused('post-copy-failed'), paused('post-copy-failed'), { step: 'end-here' }],
    ['the rest of a failed post-copy', undefined, paused('post-copy-failed'), { step: 'end-there' }],
    ['gone', undefined, undefined, { owner: 'nowhere' }],
  ])('%s', (_, here, there, expected) => {
    expect(judge(here, there)).toEqual(expected);
  });

  it('ends with one side at most, whatever it finds', () => {
    const sight = fc.option(
      fc.record({
        running: fc.boolean(),
        busy: fc.boolean(),
        pausedFor: fc.constantFrom('migration', 'post-copy', 'post-copy-failed', 'starting', 'other'),
      }),
      { nil: undefined },
    );
    fc.assert(
      fc.property(sight, sight, (one, other) => {
        let [here, there] = [one, other] as (Sight | undefined)[];
        for (let steps = 0; steps < 10; steps++) {
          const verdict = judge(here, there);
          if ('owner' in verdict) {
            expect(here === undefined || there === undefined).toBe(true);
            expect(verdict.owner).toBe(
              here !== undefined ? 'here' : there !== undefined ? 'there' : 'nowhere',
            );
            return;
          }
          if (verdict.step === 'abort') here = { running: true, busy: false };
          if (verdict.step === 'resume-here') here = { running: true, busy: false };
          if (verdict.step === 'end-here') here = undefined;
          if (verdict.step === 'end-there') there = undefined;
          // Post-copy comes to its end by itself, and so does a restore.
          if (verdict.step === 'wait' && here !== undefined) here = undefined;
          else if (verdict.step === 'wait') there = { running: true, busy: false };
        }
        throw new Error('it does not come to rest');
      }),
    );
  });
});

describe('Convergence', () => {
  it('stalls when nothing gets less for so long, and not before', () => {
    const convergence = new Convergence(1000);
    expect(convergence.stalled(0, 100)).toBe(false);
    expect(convergence.stalled(900, 50)).toBe(false);
    expect(convergence.stalled(1800, 120)).toBe(false);
    expect(convergence.stalled(1899, 49.9)).toBe(false);
    expect(convergence.stalled(1900, 49.9)).toBe(true);
    expect(convergence.stalled(2000, 40)).toBe(false);
  });
});
