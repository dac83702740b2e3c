/** Callbacks from libvirt's event loop: one native function per shape for the whole process, listeners told apart by id. */
import koffi from 'koffi';
import type { Pointer } from './c-types.ts';

/** Parameters of the callbacks between the first (connection, and domain where there is one) and the last (our id). */
const SHAPES = {
  close: ['void', 'void *', 'int'],
  none: ['void', 'void *', 'void *'],
  int: ['void', 'void *', 'void *', 'int'],
  'int int': ['int', 'void *', 'void *', 'int', 'int'],
  'int int uint': ['void', 'void *', 'void *', 'int', 'int', 'unsigned int'],
  'int string': ['void', 'void *', 'void *', 'int', 'str'],
  int64: ['void', 'void *', 'void *', 'int64_t'],
  string: ['void', 'void *', 'void *', 'str'],
  'string int': ['void', 'void *', 'void *', 'str', 'int'],
  'string int int': ['void', 'void *', 'void *', 'str', 'int', 'int'],
  'string int64': ['void', 'void *', 'void *', 'str', 'int64_t'],
  'string string int string': ['void', 'void *', 'void *', 'str', 'str', 'int', 'str'],
  'string string string int': ['void', 'void *', 'void *', 'str', 'str', 'str', 'int'],
  'string string int64 int64': ['void', 'void *', 'void *', 'str', 'str', 'int64_t', 'int64_t'],
  'string int64 uint string': ['void', 'void *', 'void *', 'str', 'int64_t', 'unsigned int', 'str'],
  parameters: ['void', 'void *', 'void *', 'void *', 'int'],
} as const satisfies Record<string, readonly [result: string, ...parameters: string[]]>;

export type Shape = keyof typeof SHAPES;

/** What libvirt gets: the native function, and the id that it hands back to it in place of a pointer. */
export interface Registration {
  readonly callback: Pointer;
  readonly id: bigint;
}

/** Gets what comes after the connection. */
type Receiver = (...args: never[]) => void;

const callbacks = new Map<Shape, Pointer>();
const receivers = new Map<bigint, Receiver>();
let lastId = 0n;

/** Has `receiver` called with what callbacks of `shape` carry after the connection. */
export function register(shape: 'close', receiver: (reason: number) => void): Registration;
export function register(shape: Shape, receiver: (domain: Pointer, ...args: never[]) => void): Registration;
export function register(shape: Shape, receiver: Receiver): Registration {
  const id = ++lastId;
  receivers.set(id, receiver);
  return { callback: callbackOf(shape), id };
}

export function unregister({ id }: Registration): void {
  receivers.delete(id);
}

/**
 * Native functions are registered once and stay: unregistering one while the event loop may still call it would crash
 * the process.
 */
function callbackOf(shape: Shape): Pointer {
  let callback = callbacks.get(shape);
  if (callback === undefined) {
    const [result, ...parameters] = SHAPES[shape];
    const receive = (_connection: Pointer, ...args: unknown[]) => {
      const receiver = receivers.get((args.pop() ?? 0n) as bigint);
      try {
        receiver?.(...(args as never[]));
      } catch (error) {
        // A listener's failure is not libvirt's: it is reported as that of any other callback.
        queueMicrotask(() => {
          throw error;
        });
      }
      return 0;
    };
    callback = koffi.register(receive, koffi.pointer(koffi.proto(result, [...parameters, 'void *'])));
    callbacks.set(shape, callback);
  }
  return callback;
}
