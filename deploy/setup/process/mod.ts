/** Commands run to their end, and daemons that outlive us. */
export { endProcess, findDaemon, isRunning, pollUntil, startDetached } from './daemon.ts';
export { CommandFailed, runCommand } from './run.ts';
