/** Structured logs of a grid: to its log file, and warnings to the console of whoever started it. */
import pino from 'pino';
import type { GridLog } from '../../actors/grid/mod.ts';

/** `onWarn` is told each warning's text, for a person who looks on. Throws when the file cannot be opened. */
export function createLog(path: string, node: string, onWarn: (message: string) => void): GridLog {
  // Few lines, and the last ones before a fault are the ones that matter: written at once.
  const destination = pino.destination({ dest: path, mkdir: true, sync: true });
  let complained = false;
  destination.on('error', (error: Error) => {
    if (complained) return;
    complained = true;
    onWarn(`nothing more can be logged to ${path}: ${error.message}`);
  });
  const logger = pino({ base: { node }, redact: ['*.password', '*.token', '*.seed'] }, destination);
  return {
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => {
      logger.warn(fields, message);
      onWarn(message);
    },
  };
}
