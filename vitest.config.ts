/** Four suites: unit beside the code, conformance of ports, end to end with real VMs, faults that kill real processes. */
import { defineConfig } from 'vitest/config';

const serial = { fileParallelism: false, testTimeout: 120_000, hookTimeout: 300_000 } as const;

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: { name: 'unit', include: ['{runtime,models,actors,deploy}/**/*.test.ts'], testTimeout: 20_000 },
      },
      { test: { name: 'conformance', include: ['test/conformance/**/*.test.ts'], ...serial } },
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], ...serial } },
      { test: { name: 'faults', include: ['test/faults/**/*.test.ts'], ...serial } },
    ],
  },
});
