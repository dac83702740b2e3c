/** The C functions of libvirt.so.0 and libvirt-qemu.so.0: each is declared at its first use, not before. */
import type { LibraryHandle } from 'koffi';
import type { CFunction, Pointer, Signature } from './c-types.ts';
import { LibvirtFunctionMissing } from './errors.ts';
import { FUNCTIONS, type LibvirtFunctions } from './generated/functions.ts';
import { QEMU_FUNCTIONS } from './generated/qemu.ts';
import { checkArguments, type ParsedSignature, parseSignature } from './signature.ts';

export type { Pointer } from './c-types.ts';

export interface Native extends LibvirtFunctions {
  /** libc's free, for what libvirt hands over to its caller. */
  readonly free: CFunction<(memory: Pointer) => void>;
  /** A native function that does nothing of note: what libvirt calls where a callback of ours has nothing to do. */
  readonly noop: Pointer;
}

export interface Libraries {
  readonly libvirt: LibraryHandle;
  readonly libc: LibraryHandle;
  /** Loads libvirt-qemu.so.0: few need it. */
  readonly qemu: () => LibraryHandle;
}

/** Using a function that this machine's libvirt lacks throws {@link LibvirtFunctionMissing}. */
export function declare({ libvirt, libc, qemu }: Libraries): Native {
  const native = {
    free: libc.func('void free(void *memory)'),
    noop: libc.symbol('getpid'),
  } satisfies Omit<Native, keyof LibvirtFunctions>;
  const libraryOf = (name: string) => (name in QEMU_FUNCTIONS ? qemu() : libvirt);
  declareLazily(native, FUNCTIONS, libraryOf);
  return native as typeof native & LibvirtFunctions;
}

/** Adds every function of `table` to `target`, to be looked up in its library when it is first read. */
export function declareLazily(
  target: object,
  table: Readonly<Record<string, Signature>>,
  libraryOf: (name: string) => LibraryHandle,
): void {
  for (const [name, signature] of Object.entries(table)) {
    Object.defineProperty(target, name, {
      configurable: true,
      enumerable: true,
      get() {
        const { prototype, since } = parseSignature(name, signature);
        const value = lookUp(libraryOf(name), prototype, name, since);
        Object.defineProperty(target, name, { value, enumerable: true });
        return value;
      },
    });
  }
}

const parsed = new Map<string, ParsedSignature>();

/** Throws BadArgument unless `args` are what C expects of `name`. */
export function checkCall(name: keyof LibvirtFunctions, args: readonly unknown[]): void {
  let signature = parsed.get(name);
  if (signature === undefined) {
    signature = parseSignature(name, FUNCTIONS[name]);
    parsed.set(name, signature);
  }
  checkArguments(name, signature, args);
}

function lookUp(library: LibraryHandle, prototype: string, name: string, since: string): unknown {
  try {
    return library.func(prototype);
  } catch (cause) {
    throw new LibvirtFunctionMissing(name, since, cause);
  }
}
