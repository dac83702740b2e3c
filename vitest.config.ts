/** Four suites: unit beside the code, conformance of ports, end to end with real VMs, faults that kill real processes. */
import { defineConfig } from 'vitest/config';

/** Suites with real parts run one after the other, `maxWorkers` files at a time. */
const real = (groupOrder: number, maxWorkers: number) => ({
  sequence: { groupOrder },
  maxWorkers,
  testTimeout: 120_000,
  hookTimeout: 300_000,
  globalSetup: ['test/support/prepare.ts'],
});

export default defineConfig({
  test: {
    // CommonJS packages look in tests as they look to Node and Deno.
    deps: { interopDefault: false },
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{runtime,models,actors,deploy}/**/*.test.ts'],
          testTimeout: 20_000,
          // Files share workers and load what they test once: that was half of their time.
          isolate: false,
        },
      },
      // These wait most of their time.
      { test: { name: 'conformance', include: ['test/conformance/**/*.test.ts'], ...real(1, 2) } },
      // Guests that boot take all of a core each: one file at a time.
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], ...real(2, 1) } },
      { test: { name: 'faults', include: ['test/faults/**/*.test.ts'], ...real(3, 1) } },
    ],
  },
});
