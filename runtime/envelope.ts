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
  /**
   * `ask` and `command` wait for the outcome, `tell` for a place in the mailbox; `spawn` makes the actor (body: `input`),
   * `remove` ends it for good.
   */
  readonly mode: 'ask' | 'tell' | 'command' | 'spawn' | 'remove';
  /** PLACE in the actor's subject, for a courier that does not know its kind. */
  readonly place?: string;
  /** Of a durable command: what its sender named it, and where it stands in the log that it came from. */
  readonly command?: { readonly name?: string; readonly log?: string; readonly seq?: number };
  /** Id of the message or request that brought this one about. */
  readonly cause?: string;
  /** W3C traceparent. */
  readonly trace?: string;
  /** Milliseconds since the epoch after which nobody waits for the answer. */
  readonly deadline?: number;
}

const MODES = ['ask', 'tell', 'command', 'spawn', 'remove'] as const;

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
  mode: z.enum(MODES),
  place: z
    .string()
    .regex(/^[a-z0-9]{1,8}$/)
    .optional(),
  command: z
    .custom<object>(isMap, 'a map')
    .pipe(
      z.strictObject({
        name: z.string().max(128).optional(),
        log: z.string().max(64).optional(),
        seq: z.number().int().nonnegative().optional(),
      }),
    )
    .optional(),
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

/** The same for a value that is decoded already. `known`: an address that has been checked before. */
export function checkEnvelope(value: unknown, known?: Address): Envelope {
  if (isEnvelope(value, known)) return value;
  const checked = envelopeSchema.safeParse(value);
  if (checked.success) return checked.data;
  throw malformed('envelope', checked.error);
}

/** What the schema says, by hand: every message between nodes comes by here. What fails, the schema explains. */
function isEnvelope(value: unknown, known: Address | undefined): value is Envelope {
  if (!isMap(value)) return false;
  for (const field in value) if (!FIELDS.has(field)) return false;
  const { v, id, to, from, type, body, mode, cause, trace, deadline, command, place } = value;
  return (
    v === 1 &&
    isText(id, 1, 128) &&
    ((known !== undefined && to === known) || isAddress(to)) &&
    isText(type, 1, 128) &&
    isMap(body) &&
    (mode === 'ask' || mode === 'tell' || mode === 'spawn' || mode === 'remove') &&
    // Commands, which are not that many, are for the schema.
    command === undefined &&
    place === undefined &&
    (from === undefined || isText(from, 0, 256)) &&
    (cause === undefined || isText(cause, 0, 128)) &&
    (trace === undefined || isText(trace, 0, 64)) &&
    (deadline === undefined || (Number.isFinite(deadline) && (deadline as number) >= 0))
  );
}

const FIELDS: ReadonlySet<string> = new Set(Object.keys(envelopeSchema.shape));

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function isText(value: unknown, least: number, most: number): boolean {
  return typeof value === 'string' && value.length >= least && value.length <= most;
}

function isAddress(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  try {
    parseAddress(value);
    return true;
  } catch {
    return false;
  }
}

/** A schema's first complaint as a typed error. */
export function malformed(what: string, error: z.ZodError): MalformedMessage {
  const issue = error.issues[0];
  const field = issue?.path.map(String).join('.') ?? '';
  const hint = issue?.message ?? 'does not match';
  return new MalformedMessage(`${what}${field && `: ${field}`}: ${hint}`, { ...(field && { field }), hint });
}
