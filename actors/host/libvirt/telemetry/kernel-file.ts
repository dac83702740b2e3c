/** A file of the kernel's that stays open: read from its start at once and parsed in place, without making anything. */
import { closeSync, openSync, readSync } from 'node:fs';

/** Reads do not overlap, because they are synchronous: one buffer serves all. The longest file here has under 1 KiB. */
const BUFFER = Buffer.alloc(4096);
const [DIGIT_0, DIGIT_9, NEWLINE, SPACE] = [0x30, 0x39, 0x0a, 0x20];

/** Bytes of a field's name, for {@link KernelFile.field}. */
export type FieldName = Uint8Array;

export function fieldName(name: string): FieldName {
  return new TextEncoder().encode(name);
}

export class KernelFile implements Disposable {
  #fd: number | undefined;
  #length = 0;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Undefined if there is no such file (that we may read). */
  static open(path: string): KernelFile | undefined {
    try {
      return new KernelFile(openSync(path, 'r'));
    } catch {
      return undefined;
    }
  }

  /** Reads it anew; false once its subject is gone. What was read holds until any kernel file is read. */
  read(): boolean {
    if (this.#fd === undefined) return false;
    try {
      this.#length = readSync(this.#fd, BUFFER, 0, BUFFER.length, 0);
      return this.#length > 0;
    } catch {
      this[Symbol.dispose]();
      return false;
    }
  }

  /** The whole number at the start of word `index` of the first line; NaN if there is none. `from`: where words begin. */
  word(index: number, from = 0): number {
    let at = from;
    for (let left = index; left > 0; left--) {
      while (at < this.#length && BUFFER[at] !== SPACE) at++;
      at++;
    }
    return this.#number(at);
  }

  /** The number after `name` and a space, at the start of a line: `nr_periods 12`. NaN if there is no such line. */
  field(name: FieldName): number {
    for (let line = 0; line < this.#length; line++) {
      let matched = 0;
      while (matched < name.length && BUFFER[line + matched] === name[matched]) matched++;
      if (matched === name.length && BUFFER[line + matched] === SPACE)
        return this.#number(line + matched + 1);
      while (line < this.#length && BUFFER[line] !== NEWLINE) line++;
    }
    return Number.NaN;
  }

  /** The number at the end of the first line that starts with `name`: `some avg10=0.00 ... total=12`. Else NaN. */
  lastOf(name: FieldName): number {
    for (let line = 0; line < this.#length; line++) {
      let matched = 0;
      while (matched < name.length && BUFFER[line + matched] === name[matched]) matched++;
      let end = line;
      while (end < this.#length && BUFFER[end] !== NEWLINE) end++;
      if (matched === name.length) {
        let start = end;
        while (start > line && isDigit(BUFFER[start - 1])) start--;
        return this.#number(start);
      }
      line = end;
    }
    return Number.NaN;
  }

  /** Where the last of this character is; -1 if there is none. */
  lastIndexOf(character: string): number {
    const byte = character.charCodeAt(0);
    let at = this.#length - 1;
    while (at >= 0 && BUFFER[at] !== byte) at--;
    return at;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Digits from `at` on; exact below 2^53. */
  #number(at: number): number {
    let value = 0;
    let index = at;
    for (; index < this.#length && isDigit(BUFFER[index]); index++)
      value = value * 10 + BUFFER[index]! - DIGIT_0;
    return index === at ? Number.NaN : value;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= DIGIT_0 && byte <= DIGIT_9;
}
