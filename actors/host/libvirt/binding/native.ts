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
  // Each asynchronous call runs on a stack of koffi's (128 KiB by default): too little for libvirt's XML code.
  koffi.config({ async_stack_size: 1 << 20, async_heap_size: 1 << 18, max_async_calls: 1024 });
  const libvirt = loadLibrary('libvirt.so.0');
  let qemu: LibraryHandle | undefined;
  const native = declare({
    libvirt,
    libc: loadLibrary('libc.so.6'),
    qemu: () => {
      qemu ??= loadLibrary('libvirt-qemu.so.0');
      return qemu;
    },
  });
  native.virInitialize();
  return native;
}

function loadLibrary(name: string): LibraryHandle {
  try {
    return koffi.load(name);
  } catch (cause) {
    throw new LibvirtMissing(cause, name);
  }
}

/** Copies `length` bytes at `pointer`, which stays C's. */
export function copyBytes(pointer: Pointer, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(koffi.view(pointer, length)).slice();
}

/** Reads the NUL-terminated UTF-8 string at `pointer`, which stays C's. */
export function readString(pointer: Pointer): string {
  return koffi.decode.string(pointer);
}
