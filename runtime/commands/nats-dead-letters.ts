/** Dead letters as they are stored: MessagePack, checked when they are read. */
import { z } from 'zod';
import { decode, encode } from '../codec.ts';
import { type MalformedMessage, toWireError } from '../errors.ts';
import type { Burial, DeadLetter } from './port.ts';

/** Characters of a reason that are kept. */
const LONGEST_TEXT = 4_000;

const stored = z.object({
  v: z.literal(1),
  command: z.object({
    log: z.string(),
    seq: z.number(),
    to: z.string(),
    id: z.string(),
    data: z.instanceof(Uint8Array),
  }),
  error: z.object({
    code: z.string(),
    message: z.string(),
    field: z.string().optional(),
    hint: z.string().optional(),
    retryable: z.boolean().optional(),
  }),
  attempts: z.number(),
  firstAt: z.number(),
  lastAt: z.number(),
});

export function encodeBurial({ command, error, ...rest }: Burial): Uint8Array {
  const { log, seq, to, id, data } = command;
  const cut = (text: string | undefined) => text?.slice(0, LONGEST_TEXT);
  const reason = { ...error, message: cut(error.message), field: cut(error.field), hint: cut(error.hint) };
  return encode({ v: 1, command: { log, seq, to, id, data }, error: reason, ...rest });
}

/** What cannot be read is shown too, with why. */
export function decodeDeadLetter(seq: number, to: string, data: Uint8Array): DeadLetter {
  try {
    return { ...stored.parse(decode(data)), seq } as DeadLetter;
  } catch (error) {
    const command = { log: '', seq: 0, to, id: '', data };
    return {
      seq,
      command,
      error: toWireError(error as MalformedMessage),
      attempts: 0,
      firstAt: 0,
      lastAt: 0,
    };
  }
}
