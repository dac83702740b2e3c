/** Columnar telemetry frames: one row of numbers per id, as binary, ready to be read into typed arrays. */
import { z } from 'zod';
import { decode, encode } from './codec.ts';
import { malformed } from './envelope.ts';
import { MalformedMessage } from './errors.ts';

/** One tick of one source. */
export interface Frame {
  /** Who measured: a host. */
  readonly source: string;
  /** When, milliseconds since the epoch. */
  readonly t: number;
  /** Time since the tick before, milliseconds. */
  readonly intervalMs: number;
  /** Names of the values in a row. */
  readonly columns: readonly string[];
  /** What each row is about: a domain. */
  readonly ids: readonly string[];
  /** Row-major, `ids.length x columns.length`; NaN where unknown. */
  readonly values: Float64Array | Float32Array;
}

/** Throws {@link MalformedMessage} when `values` is not ids x columns, and PayloadTooLarge. */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const { source, t, intervalMs, columns, ids, values } = frame;
  checkShape(ids.length, columns.length, values.length);
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const dtype = values instanceof Float32Array ? 'f4' : 'f8';
  return encode({ v: 1, source, t, intervalMs, columns, ids, dtype, values: bytes });
}

/** The values are copied into an aligned array of their own. Throws {@link MalformedMessage}, naming the field. */
export function decodeFrame(bytes: Uint8Array): Frame {
  const checked = schema.safeParse(decode(bytes));
  if (!checked.success) throw malformed('frame', checked.error);
  const { source, t, intervalMs, columns, ids, dtype, values } = checked.data;
  const width = dtype === 'f4' ? 4 : 8;
  checkShape(ids.length, columns.length, values.byteLength / width);
  // A copy by construction: on Node `values` may be a Buffer, whose slice() would share memory.
  const aligned = new Uint8Array(values).buffer;
  return {
    source,
    t,
    intervalMs,
    columns,
    ids,
    values: dtype === 'f4' ? new Float32Array(aligned) : new Float64Array(aligned),
  };
}

const name = z.string().min(1).max(128);
const schema = z.strictObject({
  v: z.literal(1),
  source: name,
  t: z.number().nonnegative(),
  intervalMs: z.number().nonnegative(),
  columns: z.array(name).max(256),
  ids: z.array(name).max(65_536),
  /** Little-endian IEEE 754, as on every machine that Node runs on. */
  dtype: z.enum(['f4', 'f8']),
  values: z.instanceof(Uint8Array),
});

function checkShape(rows: number, columns: number, length: number): void {
  if (length === rows * columns) return;
  throw new MalformedMessage(`frame: values: ${length} values for ${rows} ids x ${columns} columns`, {
    field: 'values',
    hint: `${rows * columns} values, row-major`,
  });
}
