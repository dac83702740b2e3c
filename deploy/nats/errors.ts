/** Errors of finding and starting a nats-server. */
import { GridError } from '../../runtime/mod.ts';

/** No nats-server could be found or fetched, or the one named does not run. */
export class NatsServerMissing extends GridError {
  constructor(message: string, cause?: unknown) {
    super('nats-server-missing', message, {
      hint: 'install a release from nats.io (2.10 or newer) and set SHADOWGRID_NATS_SERVER to its path, or run apt-get install nats-server',
      cause,
    });
  }
}

/** Another process listens on the port that was asked for. */
export class NatsPortTaken extends GridError {
  constructor(port: number) {
    super('nats-port-taken', `port ${port} on 127.0.0.1 is taken by another process`, {
      field: 'port',
      hint: 'choose another port, or "random"',
    });
  }
}

/** nats-server ended or did not answer while it was waited for. */
export class NatsServerNotReady extends GridError {
  constructor(why: string, logFile: string) {
    super('nats-server-not-ready', `nats-server ${why}`, { hint: `see ${logFile}`, retryable: true });
  }
}
