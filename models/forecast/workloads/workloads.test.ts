/** Generated workloads repeat for a seed and keep to their levels and bounds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAMILIES } from '../evaluate.ts';
import { seededRandom } from '../random.ts';
import { generateWorkload } from './generate.ts';
import { renderPhases, repeatPhases } from './phases.ts';

describe('generateWorkload', () => {
  it.each(FAMILIES.map(({ name }) => name))('%s: repeats to the bit, finite, not negative', (family) => {
    const options = { family, seed: 7, length: 300, censoring: true };
    const workload = generateWorkload(options);
    expect(generateWorkload(options)).toEqual(workload);
    expect(workload.demand.every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
    expect(generateWorkload({ ...options, seed: 8 }).demand).not.toEqual(workload.demand);
  });

  it('shows at most the demand, and exactly the demand where it is not censored', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const { demand, observed, censored } = generateWorkload({
          family: 'square',
          seed,
          length: 300,
          censoring: true,
        });
        return observed.every(
          (value, i) =>
            Number.isNaN(value) || (censored[i] === 1 ? value <= demand[i]! : value === demand[i]),
        );
      }),
    );
  });
});

describe('phases', () => {
  it('average to their levels within a step', () => {
    const phases = [
      { start: 0, level: 1 },
      { start: 1.25, level: 3 },
    ];
    expect([...renderPhases(phases, 3)]).toEqual([1, 2.5, 3]);
  });

  it('jitter within the bounds asked for', () => {
    const cycle = [
      { duration: 40, level: 0.2 },
      { duration: 20, level: 0.8 },
    ];
    const phases = repeatPhases(seededRandom(3), cycle, { duration: 0.1, level: 0.1 }, 2000);
    phases.slice(1).forEach(({ start }, i) => {
      const duration = start - phases[i]!.start;
      expect(Math.abs(duration / cycle[i % 2]!.duration - 1)).toBeLessThanOrEqual(0.1001);
    });
  });
});
