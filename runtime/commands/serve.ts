/** Shows dead letters and redrives them for whoever reaches a node: people's roles do not reach the streams. */
import { checked } from '../checked.ts';
import { decodeEnvelope } from '../envelope.ts';
import type { Mux, Subscription } from '../transport/mod.ts';
import {
  type DeadLetterRow,
  type DeadLetterRows,
  LIST_SUBJECT,
  listRequest,
  REDRIVE_SUBJECT,
  type Redriven,
  redriveRequest,
} from './dead-letter-messages.ts';
import type { CommandLog, DeadLetter } from './port.ts';
import { redrive } from './redrive.ts';

/** One of the nodes that serve it answers. Until it is unsubscribed. */
export function serveDeadLetters(mux: Mux, log: CommandLog): Subscription {
  const queue = { queue: 'shadowgrid.deadletters' };
  const served = [
    mux.serve(LIST_SUBJECT, (body) => list(log, body), queue),
    mux.serve(REDRIVE_SUBJECT, (body) => redriveAll(log, body), queue),
  ];
  return {
    unsubscribe: () => served.forEach((one) => void one.unsubscribe()),
    drain: async () => void (await Promise.all(served.map((one) => one.drain()))),
  };
}

async function list(log: CommandLog, body: unknown): Promise<DeadLetterRows> {
  const { kind, limit, after } = checked(listRequest, body, 'dead letters');
  const { letters, next } = await log.deadLetters({
    ...(kind !== undefined && { kind }),
    ...(limit !== undefined && { limit }),
    ...(after !== undefined && { after }),
  });
  return { letters: letters.map(rowOf), ...(next !== undefined && { next }) };
}

/** In the order of their sequences, which is that in which they failed. */
async function redriveAll(log: CommandLog, body: unknown): Promise<Redriven> {
  const { seqs } = checked(redriveRequest, body, 'redrive');
  const redriven: number[] = [];
  const missing: number[] = [];
  for (const seq of [...new Set(seqs)].sort((a, b) => a - b)) {
    const found = await redrive(log, seq);
    (found ? redriven : missing).push(seq);
  }
  return { redriven, missing };
}

const LONGEST_PAYLOAD = 2_000;
/** Of the reason, each of its texts. */
const LONGEST_TEXT = 500;

function rowOf({ seq, command, error, attempts, firstAt, lastAt }: DeadLetter): DeadLetterRow {
  const { type, text } = payloadOf(command.data);
  const { message, field, hint, ...rest } = error;
  return {
    seq,
    to: command.to,
    id: command.id,
    ...(type !== undefined && { type }),
    error: {
      ...rest,
      message: message.slice(0, LONGEST_TEXT),
      ...(field !== undefined && { field: field.slice(0, LONGEST_TEXT) }),
      ...(hint !== undefined && { hint: hint.slice(0, LONGEST_TEXT) }),
    },
    attempts,
    firstAt,
    lastAt,
    payload: text.slice(0, LONGEST_PAYLOAD),
    ...(text.length > LONGEST_PAYLOAD && { cut: true }),
  };
}

function payloadOf(data: Uint8Array): { readonly type?: string; readonly text: string } {
  try {
    const { type, body } = decodeEnvelope(data);
    return { type, text: JSON.stringify(body, bytesAsCount) };
  } catch {
    return { text: `${data.length} bytes that are no envelope` };
  }
}

function bytesAsCount(_key: string, value: unknown): unknown {
  return ArrayBuffer.isView(value) ? `<${value.byteLength} bytes>` : value;
}
