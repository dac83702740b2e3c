/**
 * Recorded demand on disk: `NAME.f32.gz` holds all values, gzip over little-endian float32, series after series;
 * `NAME.json` beside it is the index. NaN is a missing value; a set sign bit marks a censored one (demand was at least
 * that much).
 */
import { readFile, writeFile } from 'node:fs/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { ModelError } from '../errors.ts';

export interface Recording {
  /** Where it comes from: `demo-cpu-1`. */
  readonly name: string;
  readonly resource: 'cpu' | 'memory';
  /** The domain's limit, in the unit of the values (cores, MiB). */
  readonly scale: number;
  readonly stepMs: number;
  /** Whether training may use it, or only evaluation. */
  readonly split: 'train' | 'held-out';
  readonly values: Float32Array;
  readonly censored: Uint8Array;
}

interface IndexEntry extends Omit<Recording, 'values' | 'censored'> {
  readonly length: number;
}

const VERSION = 1;

/** Writes `path` (ending in .f32.gz) and the index beside it. */
export async function writeRecordings(path: string, recordings: readonly Recording[]): Promise<void> {
  const total = recordings.reduce((sum, { values }) => sum + values.length, 0);
  const view = new DataView(new ArrayBuffer(total * 4));
  let at = 0;
  for (const { values, censored } of recordings) {
    values.forEach((value, i) => {
      view.setFloat32(at, censored[i] === 1 ? -value : value, true);
      at += 4;
    });
  }
  const series: IndexEntry[] = recordings.map(({ name, resource, scale, stepMs, split, values }) => ({
    name,
    resource,
    scale,
    stepMs,
    split,
    length: values.length,
  }));
  await writeFile(path, gzipSync(new Uint8Array(view.buffer), { level: 9 }));
  await writeFile(indexPath(path), `${JSON.stringify({ version: VERSION, series }, null, 2)}\n`);
}

/** Reads what {@link writeRecordings} wrote; none if the file does not exist. Error: `recordings-malformed`. */
export async function readRecordings(path: string): Promise<Recording[]> {
  let packed: Uint8Array;
  try {
    packed = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const entries = await readIndex(path);
  const bytes = unzip(packed);
  const expected = entries.reduce((sum, { length }) => sum + length, 0) * 4;
  if (bytes.length !== expected) {
    throw malformed('series.length', `the index tells of ${expected} bytes, the file holds ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  return entries.map(({ length, ...entry }) => {
    const values = new Float32Array(length);
    const censored = new Uint8Array(length);
    for (let i = 0; i < length; i++, at += 4) {
      const value = view.getFloat32(at, true);
      values[i] = Math.abs(value);
      censored[i] = value < 0 || Object.is(value, -0) ? 1 : 0;
    }
    return { ...entry, values, censored };
  });
}

async function readIndex(path: string): Promise<readonly IndexEntry[]> {
  let index: unknown;
  try {
    index = JSON.parse(await readFile(indexPath(path), 'utf8'));
  } catch (cause) {
    throw malformed('index', `${indexPath(path)} cannot be read as JSON`, cause);
  }
  if (!isRecord(index) || index.version !== VERSION || !Array.isArray(index.series)) {
    throw malformed('version', `${indexPath(path)} is not an index of version ${VERSION}`);
  }
  return index.series.map((entry: unknown, i) => {
    if (isEntry(entry)) return entry;
    throw malformed(
      `series.${i}`,
      `entry ${i} of ${indexPath(path)} lacks a field or has one of a wrong type`,
    );
  });
}

function isEntry(entry: unknown): entry is IndexEntry {
  return (
    isRecord(entry) &&
    typeof entry.name === 'string' &&
    (entry.resource === 'cpu' || entry.resource === 'memory') &&
    (entry.split === 'train' || entry.split === 'held-out') &&
    [entry.scale, entry.stepMs].every((value) => typeof value === 'number' && value > 0) &&
    typeof entry.length === 'number' &&
    Number.isInteger(entry.length) &&
    entry.length >= 0
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function unzip(packed: Uint8Array): Uint8Array {
  try {
    return gunzipSync(packed);
  } catch (cause) {
    throw malformed('values', 'the values are not gzip', cause);
  }
}

function indexPath(path: string): string {
  return path.replace(/\.f32\.gz$/, '.json');
}

function malformed(field: string, message: string, cause?: unknown): ModelError {
  return new ModelError('recordings-malformed', message, {
    field,
    hint: 'write recordings with writeRecordings',
    ...(cause !== undefined && { cause }),
  });
}
