/** Structured logs of a grid: to its log file, and warnings to the console of whoever started it. */
import pino from 'pino';
import type { GridLog } from '../../actors/grid/mod.ts';

export interface GridLogger extends GridLog {
  /** Writes what is buffered. */
  flush(): void;
}

/** `onWarn` is told each warning's text, for a person who looks on. */
export function createLog(path: string, node: string, onWarn: (message: string) => void): GridLogger {
  const destination = pino.destination({ dest: path, mkdir: true, sync: false });
  const logger = pino({ base: { node }, redact: ['*.password', '*.token', '*.seed'] }, destination);
  return {
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => {
      logger.warn(fields, message);
      onWarn(message);
    },
    flush: () => destination.flushSync(),
  };
}
