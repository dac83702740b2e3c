/** Callbacks from libvirt's event loop: one native function per kind for the whole process, listeners told apart by id. */
import koffi from 'koffi';
import type { Native, Pointer } from './declarations.ts';

export interface LifecycleNotice {
  /** Name of the domain. */
  readonly domain: string;
  /** virDomainEventType, see DomainEvent. */
  readonly event: number;
  /** The detail of that type, e.g. StoppedDetail. */
  readonly detail: number;
}
export type LifecycleListener = (notice: LifecycleNotice) => void;

interface Callbacks {
  readonly lifecycle: Pointer;
  readonly close: Pointer;
}

const lifecycleListeners = new Map<bigint, LifecycleListener>();
const closeListeners = new Map<bigint, (reason: number) => void>();
let callbacks: Callbacks | undefined;
let lastId = 0n;

/** Keeps `listener` under an id, which is what C gets to carry instead of a pointer. */
export function addLifecycleListener(listener: LifecycleListener): bigint {
  lifecycleListeners.set(++lastId, listener);
  return lastId;
}

export function removeLifecycleListener(id: bigint): void {
  lifecycleListeners.delete(id);
}

export function addCloseListener(listener: (reason: number) => void): bigint {
  closeListeners.set(++lastId, listener);
  return lastId;
}

export function removeCloseListener(id: bigint): void {
  closeListeners.delete(id);
}

/**
 * The native functions to hand to libvirt. They are registered once and stay: unregistering one while the event loop
 * may still call it would crash the process.
 */
export function nativeCallbacks(native: Native): Callbacks {
  callbacks ??= {
    lifecycle: koffi.register(
      (_connection: Pointer, domain: Pointer, event: number, detail: number, id: Pointer | null) => {
        lifecycleListeners.get(id ?? 0n)?.({ domain: native.virDomainGetName(domain) ?? '', event, detail });
        return 0;
      },
      koffi.pointer(koffi.proto('int', ['void *', 'void *', 'int', 'int', 'void *'])),
    ),
    close: koffi.register(
      (_connection: Pointer, reason: number, id: Pointer | null) => {
        closeListeners.get(id ?? 0n)?.(reason);
      },
      koffi.pointer(koffi.proto('void', ['void *', 'int', 'void *'])),
    ),
  };
  return callbacks;
}
