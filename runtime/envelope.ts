/** The envelope around every message between actors. */
import { z } from 'zod';
import { type Address, parseAddress } from './address.ts';
import { decode, encode } from './codec.ts';
import { MalformedMessage } from './errors.ts';

export interface Envelope {
  readonly v: 1;
  /** Unique in the cluster; a redelivery has the same. */
  readonly id: string;
  readonly to: Address;
  readonly from?: string;
  readonly type: string;
  /** The message itself, less its `type`. */
  readonly body: Readonly<Record<string, unknown>>;
  /** `ask` waits for the outcome, `tell` for a place in the mailbox. */
  readonly mode: 'ask' | 'tell';
  /** Id of the message or request that brought this one about. */
  readonly cause?: string;
  /** W3C traceparent. */
  readonly trace?: string;
  /** Milliseconds since the epoch after which nobody waits for the answer. */
  readonly deadline?: number;
}

export const envelopeSchema = z.strictObject({
  v: z.literal(1),
  id: z.string().min(1).max(128),
  to: z.string().transform((text, context) => {
    try {
      return parseAddress(text).address;
    } catch (error) {
      context.addIssue({
        code: 'custom',
        message: error instanceof Error ? error.message : 'not an address',
      });
      return z.NEVER;
    }
  }),
  from: z.string().max(256).optional(),
  type: z.string().min(1).max(128),
  body: z.record(z.string(), z.unknown()),
  mode: z.enum(['ask', 'tell']),
  cause: z.string().max(128).optional(),
  trace: z.string().max(64).optional(),
  deadline: z.number().nonnegative().optional(),
});

export function encodeEnvelope(envelope: Envelope): Uint8Array<ArrayBuffer> {
  return encode(envelope);
}

/** Throws {@link MalformedMessage} (naming the field) or PayloadTooLarge. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  return checkEnvelope(decode(bytes));
}

/** The same for a value that is decoded already. */
export function checkEnvelope(value: unknown): Envelope {
  const checked = envelopeSchema.safeParse(value);
  if (checked.success) return checked.data;
  throw malformed('envelope', checked.error);
}

/** A schema's first complaint as a typed error. */
export function malformed(what: string, error: z.ZodError): MalformedMessage {
  const issue = error.issues[0];
  const field = issue?.path.map(String).join('.') ?? '';
  const hint = issue?.message ?? 'does not match';
  return new MalformedMessage(`${what}${field && `: ${field}`}: ${hint}`, { ...(field && { field }), hint });
}
