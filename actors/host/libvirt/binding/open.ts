/** Opening a connection: the one call whose error belongs to no connection yet, and so comes through a global handler. */
import koffi from 'koffi';
import { decodeError, invoke } from './calls.ts';
import type { Native, Pointer } from './declarations.ts';
import { ErrorCode, LibvirtError, type LibvirtErrorDetail } from './errors.ts';

let handlerInstalled = false;
let lastOrphan: LibvirtErrorDetail | undefined;
let tail: Promise<unknown> = Promise.resolve();

/** virConnectOpen off the main thread. Opens wait for each other, so that an error is attributed to the right one. */
export function openConnection(native: Native, uri: string): Promise<Pointer> {
  const opened = tail.then(() => open(native, uri));
  tail = opened.catch(() => {});
  return opened;
}

async function open(native: Native, uri: string): Promise<Pointer> {
  installHandler(native);
  lastOrphan = undefined;
  const connection = await invoke<Pointer | null>(native.virConnectOpen, [uri]);
  if (connection === null) {
    throw new LibvirtError(
      'virConnectOpen',
      lastOrphan ?? { ...NO_CONNECTION, message: `cannot open ${uri}` },
    );
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
