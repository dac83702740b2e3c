/** One connection to a libvirt daemon or driver: domains, storage, statistics, events, and word of its loss. */
import type { Pointer } from './c-types.ts';
import { invoke } from './calls.ts';
import { ConnectionStorage } from './connection/storage.ts';
import { holdEventLoop, releaseEventLoop } from './event-loop.ts';
import { loadLibvirt } from './native.ts';
import { openConnection } from './open.ts';

export interface ConnectionOptions {
  /** Seconds between keep-alive messages, default 5; 0 sends none. Three without an answer close the connection. */
  readonly keepAliveSeconds?: number;
  /** Opens for reading only: what changes anything fails with ErrorCode.operationDenied. */
  readonly readOnly?: boolean;
  /** How long opening may take; without it as long as the daemon lets it. Fails with ErrorCode.operationTimeout. */
  readonly deadlineMs?: number;
}

const KEEP_ALIVE_SECONDS = 5;
const KEEP_ALIVE_COUNT = 3;

/**
 * Calls run off the main thread and one after the other: a slow call delays the next one of this connection only.
 * Methods are named as libvirt's functions without `virConnect`, `virDomain`, `Get`. Every call rejects with
 * LibvirtError, with BadArgument for what C would misread, with LibvirtFunctionMissing where this machine's libvirt is
 * too old. Each file in connection/ adds one subject.
 */
export class Connection extends ConnectionStorage {
  private constructor(uri: string, pointer: Pointer) {
    super(uri, pointer);
  }

  /** Opens `uri`. Throws LibvirtMissing, rejects with LibvirtError. */
  static async open(uri: string, options: ConnectionOptions = {}): Promise<Connection> {
    const native = loadLibvirt();
    holdEventLoop();
    try {
      const pointer = await openConnection(native, uri, options);
      const seconds = options.keepAliveSeconds ?? KEEP_ALIVE_SECONDS;
      // Fails for drivers that have no daemon to keep alive, and nothing follows from that.
      if (seconds > 0) await invoke(native.virConnectSetKeepAlive, [pointer, seconds, KEEP_ALIVE_COUNT]);
      return new Connection(uri, pointer);
    } catch (error) {
      releaseEventLoop();
      throw error;
    }
  }
}
