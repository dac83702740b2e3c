/** Loads libvirt.so.0 at the first use, not when this file is imported; reads what C leaves in memory. */
import koffi, { type LibraryHandle } from 'koffi';
import { declare, type Native, type Pointer } from './declarations.ts';
import { LibvirtMissing } from './errors.ts';

let loaded: Native | undefined;

/** libvirt.so.0, loaded and initialised once per process. Throws {@link LibvirtMissing}. */
export function loadLibvirt(): Native {
  loaded ??= load();
  return loaded;
}

function load(): Native {
  let library: LibraryHandle;
  let libc: LibraryHandle;
  try {
    // Each asynchronous call runs on a stack of koffi's (128 KiB by default): too little for libvirt's XML code.
    koffi.config({ async_stack_size: 1 << 20, async_heap_size: 1 << 18, max_async_calls: 1024 });
    library = koffi.load('libvirt.so.0');
    libc = koffi.load('libc.so.6');
  } catch (cause) {
    throw new LibvirtMissing(cause);
  }
  const native = declare(library, libc);
  native.virInitialize();
  return native;
}

/** Copies `length` bytes at `pointer`, which stays C's. */
export function copyBytes(pointer: Pointer, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(koffi.view(pointer, length)).slice();
}

/** Reads the NUL-terminated UTF-8 string at `pointer`, which stays C's. */
export function readString(pointer: Pointer): string {
  return koffi.decode.string(pointer);
}
