/** MessagePack with limits, and JSON for people: bytes in, checked values out, typed errors only. */
import { Decoder, Encoder } from '@msgpack/msgpack';
import { MalformedMessage, PayloadTooLarge } from './errors.ts';
import { skim } from './skim.ts';

export interface CodecLimits {
  /** Bytes of a whole message. Default 1 MiB, NATS's own default. */
  readonly maxBytes?: number;
  /** Maps and arrays inside one another. Default 32. */
  readonly maxDepth?: number;
}

const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 32;

const encoder = new Encoder({ ignoreUndefined: true, maxDepth: MAX_DEPTH + 1, initialBufferSize: 4096 });
const decoder = new Decoder();

/**
 * MessagePack of plain values, `Date` and `Uint8Array`; undefined map entries are left out.
 * Throws {@link MalformedMessage} for what MessagePack cannot hold and {@link PayloadTooLarge}.
 */
export function encode(value: unknown, limits: CodecLimits = {}): Uint8Array<ArrayBuffer> {
  return encodeBriefly(value, limits).slice();
}

/** The same in memory that the next call overwrites: for what is copied at once. */
export function encodeBriefly(value: unknown, limits: CodecLimits = {}): Uint8Array<ArrayBuffer> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = encoder.encodeSharedRef(value);
  } catch (cause) {
    throw new MalformedMessage(`cannot be encoded: ${reasonOf(cause)}`, {
      hint: 'send plain values: no functions, symbols or cycles',
      cause,
    });
  }
  const maxBytes = limits.maxBytes ?? MAX_BYTES;
  if (bytes.length > maxBytes) throw new PayloadTooLarge(bytes.length, maxBytes);
  return bytes;
}

/** Throws {@link MalformedMessage} for anything that is not one whole MessagePack value within the limits. */
export function decode(bytes: Uint8Array, limits: CodecLimits = {}): unknown {
  const maxBytes = limits.maxBytes ?? MAX_BYTES;
  if (bytes.length > maxBytes) throw new PayloadTooLarge(bytes.length, maxBytes);
  const wrong = skim(bytes, limits.maxDepth ?? MAX_DEPTH);
  if (wrong === 'too deep') throw nestedTooDeep();
  try {
    if (wrong === 'cut short') throw new RangeError('it is shorter than it says');
    return decoder.decode(bytes);
  } catch (cause) {
    throw new MalformedMessage(`not MessagePack: ${reasonOf(cause)}`, {
      hint: 'send one MessagePack map',
      cause,
    });
  }
}

/** A value and the form it came in, so that the answer can go back in the same form. */
export interface Decoded {
  readonly value: unknown;
  readonly format: 'msgpack' | 'json';
}

/** JSON when the first byte is `{`, `[` or white space, else MessagePack: messages are maps in either. */
export function decodeMessagePackOrJson(bytes: Uint8Array, limits: CodecLimits = {}): Decoded {
  if (!looksLikeJson(bytes)) return { value: decode(bytes, limits), format: 'msgpack' };
  const maxBytes = limits.maxBytes ?? MAX_BYTES;
  if (bytes.length > maxBytes) throw new PayloadTooLarge(bytes.length, maxBytes);
  let value: unknown;
  try {
    value = JSON.parse(strictUtf8.decode(bytes));
  } catch (cause) {
    throw new MalformedMessage(`not JSON: ${reasonOf(cause)}`, { hint: 'send one JSON object', cause });
  }
  refuseDeep(value, limits.maxDepth ?? MAX_DEPTH);
  return { value, format: 'json' };
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** The bytes `{ [ tab lf cr space` are small integers in MessagePack, which no message is. */
function looksLikeJson(bytes: Uint8Array): boolean {
  const first = bytes[0];
  return (
    first === 0x7b || first === 0x5b || first === 0x20 || first === 0x09 || first === 0x0a || first === 0x0d
  );
}

/** Walks at most `levels` deep, so that hostile nesting cannot exhaust the stack here or in a schema. */
function refuseDeep(value: unknown, levels: number): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof Date)
    return;
  if (levels === 0) throw nestedTooDeep();
  if (Array.isArray(value)) {
    for (const item of value) refuseDeep(item, levels - 1);
  } else {
    for (const key in value) refuseDeep((value as Record<string, unknown>)[key], levels - 1);
  }
}

function nestedTooDeep(): MalformedMessage {
  return new MalformedMessage('nested too deep', {
    hint: `at most ${MAX_DEPTH} maps or arrays inside one another`,
  });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
