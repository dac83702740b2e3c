/** The guest image `tiny`: a Debian kernel with busybox, the agent and a workload. */
export { ensureGuestImage } from './build.ts';
