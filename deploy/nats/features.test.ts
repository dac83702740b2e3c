/** Versions of nats-server are compared as numbers, and lack what came after them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions, lackingFeatures, natsFeatures } from './features.ts';

describe('features', () => {
  it('grow with the version', () => {
    expect(natsFeatures('2.9.10')).toMatchObject({ syncAlways: false, atomicBatch: false, schedules: false });
    expect(natsFeatures('2.10.27')).toMatchObject({ syncAlways: true, atomicBatch: false });
    expect(Object.values(natsFeatures('2.15.1')).every(Boolean)).toBe(true);
  });

  it('that lack are named with the version that has them, and what that means', () => {
    expect(lackingFeatures('2.11.4')).toContainEqual(
      expect.stringMatching(/^schedules \(2\.12\): .*commands for later/),
    );
    expect(lackingFeatures('2.15.1')).toEqual([]);
  });

  it('are found by numeric comparison', () => {
    expect(compareVersions('2.9.10', '2.10')).toBeLessThan(0);
    expect(compareVersions('2.12.0-RC.1', '2.12')).toBeGreaterThanOrEqual(0);
    const version = fc.array(fc.nat(40), { minLength: 3, maxLength: 3 }).map((parts) => parts.join('.'));
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0);
      }),
    );
  });
});
