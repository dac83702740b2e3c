/** A digest of a large file, made in slices short enough for whatever else this process does. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/** A third of a millisecond. Web Crypto would digest off the main thread, at twice the CPU time (measured). */
const SLICE_BYTES = 512 * 1024;

export interface DigestOptions {
  readonly signal?: AbortSignal;
  /** 0 to 1. */
  readonly onProgress?: (done: number) => void;
}

/** SHA-256, hexadecimal. Rejects with the signal's reason. */
export async function digestFile(path: string, { signal, onProgress }: DigestOptions = {}): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const hash = createHash('sha256');
    const slice = new Uint8Array(SLICE_BYTES);
    for (let at = 0; ; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(slice, 0, SLICE_BYTES, at);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(slice.subarray(0, bytesRead));
      at += bytesRead;
      onProgress?.(Math.min(1, at / size));
    }
  } finally {
    await file.close();
  }
}
