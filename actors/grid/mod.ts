/** The grid: all actors of one process, wired to each other. */
export { Grid, type GridOptions, type HostConfig } from './grid.ts';
export type { GridLog } from './log.ts';
export { directiveSubject, noteSubject } from './subjects.ts';
