/** Writes the archive a Linux kernel unpacks as its first file system: cpio in the "newc" format (kernel: buffer-format.rst). */
import { Buffer } from 'node:buffer';

export interface ArchiveEntry {
  /** Path without a leading slash. */
  readonly path: string;
  /** Type and permission bits: 0o100755, 0o040755. */
  readonly mode: number;
  readonly content: Uint8Array;
}

export const directory = (path: string): ArchiveEntry => ({
  path,
  mode: 0o040755,
  content: new Uint8Array(),
});
export const executable = (path: string, content: Uint8Array): ArchiveEntry => ({
  path,
  mode: 0o100755,
  content,
});
export const file = (path: string, content: Uint8Array): ArchiveEntry => ({ path, mode: 0o100644, content });

/** The archive of `entries`; the same entries give the same bytes. */
export function writeCpio(entries: readonly ArchiveEntry[]): Uint8Array {
  const parts = entries.flatMap((entry, index) => record(entry, index + 1));
  parts.push(...record({ path: 'TRAILER!!!', mode: 0, content: new Uint8Array() }, 0));
  return Buffer.concat(parts);
}

function record(entry: ArchiveEntry, inode: number): Uint8Array[] {
  const name = Buffer.from(`${entry.path}\0`);
  const isDirectory = (entry.mode & 0o170000) === 0o040000;
  const fields = [
    inode,
    entry.mode,
    0, // owner
    0, // group
    isDirectory ? 2 : 1, // links
    0, // modified: left out, so that equal inputs give equal bytes
    entry.content.byteLength,
    ...[0, 0, 0, 0], // device numbers
    name.byteLength,
    0, // checksum, unused in this format
  ];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return [
    header,
    name,
    padding(header.byteLength + name.byteLength),
    entry.content,
    padding(entry.content.byteLength),
  ];
}

/** Zero bytes up to the next multiple of four. */
function padding(length: number): Uint8Array {
  return new Uint8Array((4 - (length % 4)) % 4);
}
