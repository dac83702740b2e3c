/** Tests that share one real grid: started by the first test of a file that asks for it, gone after the last. */
import { test as base } from 'vitest';
import { type GridClient, GridProcess } from './grid-process.ts';

export const test = base.extend<{ grid: GridProcess; client: GridClient }>({
  grid: [
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures this one needs.
    async ({}, use) => {
      const grid = await GridProcess.start();
      await use(grid);
      await grid.stop();
    },
    { scope: 'file' },
  ],
  client: [
    async ({ grid }, use) => {
      await using client = await grid.connect();
      await use(client);
    },
    { scope: 'file' },
  ],
});
