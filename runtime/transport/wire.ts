/** What answers look like on the wire, in either format. */
import { z } from 'zod';
import { encode } from '../codec.ts';
import { MalformedMessage, PayloadTooLarge, toWireError, type WireError } from '../errors.ts';

const wireErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  field: z.string().optional(),
  hint: z.string().optional(),
  retryable: z.boolean().optional(),
});

const replySchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), body: z.unknown().optional() }),
  z.object({ ok: z.literal(false), error: wireErrorSchema }),
]);

type Reply =
  | { readonly ok: true; readonly body?: unknown }
  | { readonly ok: false; readonly error: WireError };

/** Checks an answer. Success, which is nearly every one, is told by hand. Throws {@link MalformedMessage}. */
export function readReply(value: unknown, subject: string): Reply {
  if (typeof value === 'object' && value !== null && (value as { ok?: unknown }).ok === true)
    return value as Reply;
  const checked = replySchema.safeParse(value);
  if (!checked.success) throw new MalformedMessage(`answer from ${subject} is malformed`);
  return checked.data as Reply;
}

/** The answer of a node that was reached by a frame and does not serve that subject (any more). */
export function isMisdirected(error: WireError): boolean {
  return error.code === 'misdirected';
}

/** First `open`, then any number of `item`, then `end` or `error`. */
export const streamReplySchema = z.discriminatedUnion('stream', [
  z.object({ stream: z.literal('open'), renewMs: z.number().positive() }),
  z.object({ stream: z.literal('item'), body: z.unknown().optional() }),
  z.object({ stream: z.literal('end') }),
  z.object({ stream: z.literal('error'), error: wireErrorSchema }),
]);

export type StreamReply = z.infer<typeof streamReplySchema>;

export const failedReply = (error: unknown) => ({ ok: false, error: toWireError(error) });
export const failedStream = (error: unknown) => ({ stream: 'error', error: toWireError(error) }) as const;

/** An answer that cannot be encoded, or is too large for the transport, becomes the error that says so. */
export function replyBytes(
  answer: object,
  failed: (error: unknown) => object,
  format: 'msgpack' | 'json',
  maxPayload: number,
): Uint8Array {
  const write = (value: object) =>
    format === 'json' ? text.encode(JSON.stringify(value)) : encode(value, { maxBytes: maxPayload });
  try {
    const bytes = write(answer);
    if (bytes.length > maxPayload) throw new PayloadTooLarge(bytes.length, maxPayload);
    return bytes;
  } catch (error) {
    return write(failed(error));
  }
}

const text = new TextEncoder();
