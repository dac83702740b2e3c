/** Opening a connection: the one call whose error belongs to no connection yet, and so comes through a global handler. */
import koffi from 'koffi';
import { decodeError, invoke } from './calls.ts';
import { checkCall, type Native, type Pointer } from './declarations.ts';
import { ErrorCode, LibvirtError, type LibvirtErrorDetail } from './errors.ts';

let handlerInstalled = false;
let lastOrphan: LibvirtErrorDetail | undefined;
let tail: Promise<unknown> = Promise.resolve();

export interface OpenOptions {
  readonly readOnly?: boolean;
  readonly deadlineMs?: number;
}

/** virConnectOpen off the main thread. Opens wait for each other, so that an error is attributed to the right one. */
export function openConnection(native: Native, uri: string, options: OpenOptions = {}): Promise<Pointer> {
  const opened = tail.then(() => openInTime(native, uri, options));
  tail = opened.catch(() => {});
  return opened;
}

/** One that hangs does not keep others from opening: its thread is given up, and what it may open is closed. */
async function openInTime(native: Native, uri: string, options: OpenOptions): Promise<Pointer> {
  const { deadlineMs } = options;
  const opening = open(native, uri, options);
  if (deadlineMs === undefined) return opening;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(
      new LibvirtError('virConnectOpen', {
        ...NO_CONNECTION,
        code: ErrorCode.operationTimeout,
        message: `${uri} did not open within ${deadlineMs} ms`,
      }),
    );
    opening.then(
      (connection) => invoke(native.virConnectClose, [connection]),
      () => {},
    );
  }, deadlineMs);
  try {
    return await Promise.race([opening, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function open(native: Native, uri: string, { readOnly }: OpenOptions): Promise<Pointer> {
  const name = readOnly === true ? 'virConnectOpenReadOnly' : 'virConnectOpen';
  checkCall(name, [uri]);
  installHandler(native);
  lastOrphan = undefined;
  const connection = await invoke<Pointer | null>(native[name], [uri]);
  if (connection === null) {
    throw new LibvirtError(name, lastOrphan ?? { ...NO_CONNECTION, message: `cannot open ${uri}` });
  }
  // From here on, errors are read from the connection; without this they would also be printed on stderr.
  native.virConnSetErrorFunc(connection, null, native.noop);
  return connection;
}

const NO_CONNECTION = { code: ErrorCode.noConnect, domain: 0, level: 2 } as const;

function installHandler(native: Native): void {
  if (handlerInstalled) return;
  handlerInstalled = true;
  const handler = koffi.register(
    (_data: unknown, error: Pointer) => {
      lastOrphan = decodeError(error);
    },
    koffi.pointer(koffi.proto('void', ['void *', 'void *'])),
  );
  native.virSetErrorFunc(null, handler);
}
