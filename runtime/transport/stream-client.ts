/** The caller's side of a stream: a bounded buffer filled by the server, renewed while it is read. */
import type { Clock } from '../clock.ts';
import { decode, encode } from '../codec.ts';
import {
  Cancelled,
  DeadlineExceeded,
  MalformedMessage,
  NoResponders,
  RemoteError,
  StreamOverflow,
  TransportSuspended,
} from '../errors.ts';
import type { Transport, TransportMessage } from './port.ts';
import { streamReplySchema } from './wire.ts';

export interface StreamOptions {
  /** Until the server has taken the request. Default 5000. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** Items that may wait to be read. Default 256. */
  readonly bound?: number;
}

/** What both sides of a stream borrow from the mux. */
export interface StreamWiring {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly route: (handler: (message: TransportMessage) => void) => {
    readonly subject: string;
    readonly end: () => void;
  };
}

/** The request is sent when iteration starts. */
export async function* openStream(
  { transport, clock, route }: StreamWiring,
  subject: string,
  body: object,
  options: StreamOptions,
): AsyncGenerator<unknown, void, undefined> {
  const { deadlineMs = 5_000, signal, bound = 256 } = options;
  if (signal?.aborted) throw new Cancelled(`stream of ${subject}`, signal.reason);
  const items: unknown[] = [];
  let outcome: { readonly error?: Error } | undefined;
  let wake: (() => void) | undefined;
  let control: string | undefined;
  let timer: unknown;

  const finish = (error?: Error) => {
    outcome ??= error === undefined ? {} : { error };
    wake?.();
  };
  const tell = (word: 'renew' | 'cancel') => {
    if (control === undefined || transport.status !== 'connected') return;
    transport.publish(control, encode({ [word]: true }));
  };
  const renewEvery = (renewMs: number) => {
    timer = clock.setTimeout(() => {
      tell('renew');
      renewEvery(renewMs);
    }, renewMs);
  };
  const receive = (message: TransportMessage) => {
    if (outcome !== undefined) return;
    if (message.noResponders) return finish(new NoResponders(subject));
    control = message.reply ?? control;
    const frame = readFrame(subject, message.data, transport.maxPayload);
    if (frame instanceof Error) return finish(frame);
    if (frame.stream === 'open') {
      clock.clearTimeout(timer);
      renewEvery(frame.renewMs);
    } else if (frame.stream === 'error') finish(new RemoteError(frame.error));
    else if (frame.stream === 'end') finish();
    else if (items.length >= bound) finish(new StreamOverflow(subject, bound));
    else {
      items.push(frame.body);
      wake?.();
    }
  };

  const inbox = route(receive);
  const abort = () => finish(new Cancelled(`stream of ${subject}`, signal?.reason));
  signal?.addEventListener('abort', abort, { once: true });
  const stopWatching = transport.onStatus((status) => {
    if (status !== 'connected') finish(new TransportSuspended(`stream of ${subject}`));
  });
  timer = clock.setTimeout(
    () => finish(new DeadlineExceeded(`stream of ${subject}`, deadlineMs)),
    deadlineMs,
  );
  let ended = false;
  try {
    transport.publish(subject, encode(body), { reply: inbox.subject });
    while (true) {
      while (items.length > 0) yield items.shift();
      if (outcome !== undefined) break;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const { error } = outcome as { readonly error?: Error };
    ended = error === undefined || error instanceof RemoteError;
    if (error !== undefined) throw error;
  } finally {
    clock.clearTimeout(timer);
    if (!ended) tell('cancel');
    signal?.removeEventListener('abort', abort);
    stopWatching();
    inbox.end();
  }
}

function readFrame(subject: string, data: Uint8Array, maxBytes: number) {
  try {
    const checked = streamReplySchema.safeParse(decode(data, { maxBytes }));
    return checked.success ? checked.data : new MalformedMessage(`answer from ${subject} is malformed`);
  } catch (error) {
    return error as Error;
  }
}
