/** The server's side of streams: each ends with its source, its caller, or when the caller stops renewing. */
import { decodeMessagePackOrJson } from '../codec.ts';
import type { StreamContext } from './context.ts';
import type { TransportMessage } from './port.ts';
import type { StreamWiring } from './stream-client.ts';
import { failedStream, replyBytes, type StreamReply } from './wire.ts';

/** The caller renews this often; three missed renewals end the stream. */
const RENEW_MS = 10_000;

export class StreamServer {
  readonly #wiring: StreamWiring;
  readonly #open = new Map<AbortController, Promise<void>>();
  #stopWatching: (() => void) | undefined;

  constructor(wiring: StreamWiring) {
    this.#wiring = wiring;
  }

  serve(
    message: TransportMessage,
    handler: (body: unknown, context: StreamContext) => AsyncIterable<unknown>,
  ): void {
    if (message.reply === undefined) return;
    this.#stopWatching ??= this.#wiring.transport.onStatus((status) => {
      // The caller has ended its side too: it cannot know what it missed.
      if (status !== 'connected') for (const controller of this.#open.keys()) controller.abort();
    });
    const controller = new AbortController();
    const run = this.#run(message, message.reply, handler, controller).finally(() =>
      this.#open.delete(controller),
    );
    this.#open.set(controller, run);
  }

  async close(): Promise<void> {
    this.#stopWatching?.();
    for (const controller of this.#open.keys()) controller.abort();
    await Promise.all(this.#open.values());
  }

  async #run(
    message: TransportMessage,
    reply: string,
    handler: (body: unknown, context: StreamContext) => AsyncIterable<unknown>,
    controller: AbortController,
  ): Promise<void> {
    const { transport, clock, route } = this.#wiring;
    const { signal } = controller;
    let format: 'msgpack' | 'json' = 'msgpack';
    let timer: unknown;
    const control = route((answer) => {
      if (answer.noResponders || isCancel(answer.data)) controller.abort();
      else expectRenewal();
    });
    const expectRenewal = () => {
      clock.clearTimeout(timer);
      timer = clock.setTimeout(() => controller.abort(), 3 * RENEW_MS);
    };
    const send = (answer: StreamReply) => {
      if (signal.aborted) return;
      try {
        transport.publish(reply, replyBytes(answer, failedStream, format, transport.maxPayload), {
          reply: control.subject,
        });
      } catch {
        controller.abort();
      }
    };
    expectRenewal();
    try {
      const decoded = decodeMessagePackOrJson(message.data);
      format = decoded.format;
      const source = handler(decoded.value, { subject: message.subject, format, direct: false, signal });
      send({ stream: 'open', renewMs: RENEW_MS });
      await forEachUntil(source, signal, (item) => send({ stream: 'item', body: item }));
      send({ stream: 'end' });
    } catch (error) {
      send(failedStream(error));
    } finally {
      clock.clearTimeout(timer);
      control.end();
      controller.abort();
    }
  }
}

/**
 * Ends on abort even when the source is silent; the source's own `finally` runs then. Not `Promise.race` with the
 * abort, which would remember every item for as long as the stream lasts.
 */
function forEachUntil(
  source: AsyncIterable<unknown>,
  signal: AbortSignal,
  take: (item: unknown) => void,
): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  return new Promise((resolve, reject) => {
    const abort = () => {
      // Not awaited: a generator that waits for something of its own would hold us for ever.
      void iterator.return?.().catch(() => undefined);
      resolve();
    };
    const pull = () => {
      if (signal.aborted) return;
      const pulled = iterator.next().then((step) => {
        if (signal.aborted) return;
        if (step.done) return end();
        take(step.value);
        pull();
      });
      pulled.catch(fail);
    };
    const end = () => {
      signal.removeEventListener('abort', abort);
      resolve();
    };
    const fail = (error: unknown) => {
      signal.removeEventListener('abort', abort);
      reject(error);
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    pull();
  });
}

function isCancel(data: Uint8Array): boolean {
  try {
    const { value } = decodeMessagePackOrJson(data);
    return typeof value === 'object' && value !== null && 'cancel' in value;
  } catch {
    return false;
  }
}
