/** What the first bytes of a disk image say: its format, the size of its disk, and the image below it. */
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

export interface ImageHeader {
  readonly format: 'qcow2' | 'raw';
  /** Of the disk that the guest sees. */
  readonly sizeBytes: number;
  /** Absolute path of the image that it is an overlay of. */
  readonly backing?: string;
}

const MAGIC = 0x5146_49fb;
/** Up to and including the size: docs/interop/qcow2.txt of QEMU. */
const HEADER_BYTES = 32;
/** The longest name that qcow2 allows. */
const MAX_NAME_BYTES = 1023;

/** Rejects if the file cannot be read. Anything that is not qcow2 counts as raw. */
export async function readImageHeader(path: string): Promise<ImageHeader> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(HEADER_BYTES);
    const { bytesRead } = await file.read(head, 0, HEADER_BYTES, 0);
    if (bytesRead < HEADER_BYTES || head.readUInt32BE(0) !== MAGIC) {
      return { format: 'raw', sizeBytes: (await file.stat()).size };
    }
    const sizeBytes = Number(head.readBigUInt64BE(24));
    const at = Number(head.readBigUInt64BE(8));
    const length = Math.min(MAX_NAME_BYTES, head.readUInt32BE(16));
    if (at === 0) return { format: 'qcow2', sizeBytes };
    const name = Buffer.alloc(length);
    await file.read(name, 0, length, at);
    return { format: 'qcow2', sizeBytes, backing: resolve(dirname(path), name.toString()) };
  } finally {
    await file.close();
  }
}
