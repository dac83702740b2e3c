/** What every transport driver must do. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  Cancelled,
  createMux,
  DeadlineExceeded,
  GridError,
  NoResponders,
  PayloadTooLarge,
  RemoteError,
  StreamOverflow,
  type Transport,
  TransportClosed,
  type TransportMessage,
  TransportSuspended,
} from '../../runtime/mod.ts';
import { until } from '../support/until.ts';

export interface TransportDriver {
  start(): Promise<void>;
  connect(): Promise<Transport>;
  /** Cuts every connection. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  stop(): Promise<void>;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (message: TransportMessage) => new TextDecoder().decode(message.data);

async function collect(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const all = [];
  for await (const item of items) all.push(item);
  return all;
}

export function transportSuite(name: string, driver: TransportDriver): void {
  describe(`${name} transport`, () => {
    const open: AsyncDisposable[] = [];
    const connect = async () => {
      const transport = await driver.connect();
      open.push(transport);
      return transport;
    };
    beforeAll(() => driver.start());
    afterAll(() => driver.stop());
    afterEach(async () => {
      for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
    });

    test('delivers to every subscriber in order, never inside publish', async () => {
      const [a, b] = [await connect(), await connect()];
      const heard: string[] = [];
      a.subscribe('grid.a', (message) => heard.push(`a${textOf(message)}`));
      b.subscribe('grid.a', (message) => heard.push(`b${textOf(message)}`));
      await Promise.all([a.flush(), b.flush()]);
      for (let i = 0; i < 50; i++) b.publish('grid.a', bytes(String(i)));
      expect(heard).toEqual([]);
      await until(() => heard.length === 100);
      const sent = Array.from({ length: 50 }, (_, i) => i);
      expect(heard.filter((text) => text.startsWith('a'))).toEqual(sent.map((i) => `a${i}`));
      expect(heard.filter((text) => text.startsWith('b'))).toEqual(sent.map((i) => `b${i}`));
    });

    test('knows * and >', async () => {
      const transport = await connect();
      const heard: string[] = [];
      transport.subscribe('w.*.end', (message) => heard.push(`* ${message.subject}`));
      transport.subscribe('w.>', (message) => heard.push(`> ${message.subject}`));
      for (const subject of ['w', 'w.one', 'w.one.end', 'w.one.two.end', 'v.one.end'])
        transport.publish(subject, bytes(''));
      await transport.flush();
      await until(() => heard.length >= 4);
      expect(heard.toSorted()).toEqual(['* w.one.end', '> w.one', '> w.one.end', '> w.one.two.end']);
    });

    test('gives each message to one member of a queue group', async () => {
      const transport = await connect();
      let one = 0;
      let two = 0;
      transport.subscribe('q', () => void one++, { queue: 'g' });
      transport.subscribe('q', () => void two++, { queue: 'g' });
      for (let i = 0; i < 200; i++) transport.publish('q', bytes('x'));
      await transport.flush();
      await until(() => one + two === 200);
      expect(Math.min(one, two)).toBeGreaterThan(0);
    });

    test('delivers nothing after unsubscribe', async () => {
      const transport = await connect();
      const heard: string[] = [];
      const subscription = transport.subscribe('u', (message) => heard.push(textOf(message)));
      transport.subscribe('u', () => heard.push('other'));
      transport.publish('u', bytes('1'));
      await until(() => heard.length === 2);
      // Two subscriptions of one connection: in no particular order.
      expect(heard.splice(0).sort()).toEqual(['1', 'other']);
      subscription.unsubscribe();
      subscription.unsubscribe();
      transport.publish('u', bytes('2'));
      await until(() => heard.length === 1);
      expect(heard).toEqual(['other']);
    });

    test('drops nothing that was sent before a subscription drains', async () => {
      const transport = await connect();
      const sender = await connect();
      const heard: string[] = [];
      const unheard: TransportMessage[] = [];
      sender.subscribe('back', (message) => unheard.push(message));
      const subscription = transport.subscribe('d', (message) => heard.push(textOf(message)));
      await Promise.all([transport.flush(), sender.flush()]);
      const sent = 2_000;
      let drained: Promise<void> | undefined;
      for (let i = 0; i < sent; i++) {
        sender.publish('d', bytes(String(i)), { reply: 'back' });
        if (i === sent / 2) drained = subscription.drain();
        if (i % 50 === 0) await sender.flush();
      }
      await drained;
      const last = heard.length;
      await until(() => heard.length + unheard.length === sent);
      expect(heard.length).toBe(last);
      expect(unheard.every(({ noResponders }) => noResponders)).toBe(true);
      await subscription.drain();
      subscription.unsubscribe();
    });

    test('tells the sender when nobody listens', async () => {
      const transport = await connect();
      const answers: TransportMessage[] = [];
      transport.subscribe('back', (message) => answers.push(message));
      transport.publish('nobody.home', bytes('?'), { reply: 'back' });
      await until(() => answers.length === 1);
      expect(answers[0]).toMatchObject({ noResponders: true });
    });

    test('refuses a payload over its limit', async () => {
      const transport = await connect();
      expect(() => transport.publish('big', new Uint8Array(transport.maxPayload + 1))).toThrow(
        PayloadTooLarge,
      );
    });

    test('is suspended while the connection is lost, then works again with its subscriptions', async () => {
      const transport = await connect();
      const mux = createMux(transport);
      open.push(mux);
      const seen: string[] = [];
      transport.onStatus((status) => seen.push(status));
      mux.serve('echo', (body) => body);
      expect(await mux.request('echo', { n: 1 })).toEqual({ n: 1 });
      await driver.cut();
      await until(() => transport.status === 'suspended');
      expect(() => transport.publish('echo', bytes('x'))).toThrow(TransportSuspended);
      await expect(mux.request('echo', { n: 2 })).rejects.toThrow(TransportSuspended);
      await driver.mend();
      await until(() => transport.status === 'connected');
      expect(await mux.request('echo', { n: 3 })).toEqual({ n: 3 });
      expect(seen).toEqual(['suspended', 'connected']);
    });

    test('is closed for good', async () => {
      const transport = await connect();
      await transport.close();
      await transport.close();
      expect(transport.status).toBe('closed');
      expect(() => transport.publish('x', bytes(''))).toThrow(TransportClosed);
      await expect(createMux(transport).request('x', {})).rejects.toThrow(TransportClosed);
    });

    describe('request/reply', () => {
      test('answers MessagePack and JSON each in kind, errors with their code', async () => {
        const transport = await connect();
        const mux = createMux(transport);
        open.push(mux);
        mux.serve('sum', (body) => {
          const { a, b } = body as { a?: number; b: number };
          if (a === undefined)
            throw new GridError('invalid-field', 'a is missing', { field: 'a', hint: 'a number' });
          return { sum: a + b };
        });
        expect(await mux.request('sum', { a: 1, b: 2 })).toEqual({ sum: 3 });
        const refused = await mux.request('sum', { b: 2 }).catch((error) => error);
        expect(refused).toBeInstanceOf(RemoteError);
        expect(refused).toMatchObject({ code: 'invalid-field', field: 'a', hint: 'a number' });

        const answers: unknown[] = [];
        transport.subscribe('json.back', (message) => answers.push(JSON.parse(textOf(message))));
        transport.publish('sum', bytes('{"a": 1, "b": 2}'), { reply: 'json.back' });
        transport.publish('sum', bytes('{"a": 1, '), { reply: 'json.back' });
        await until(() => answers.length === 2);
        expect(answers).toContainEqual({ ok: true, body: { sum: 3 } });
        expect(answers).toContainEqual({
          ok: false,
          error: expect.objectContaining({ code: 'malformed-message' }),
        });
      });

      test("is never answered on the grid's own subjects, where the sender may have no right to write", async () => {
        const transport = await connect();
        const mux = createMux(transport);
        open.push(mux);
        const served: unknown[] = [];
        const heard: string[] = [];
        mux.serve('say', (body) => {
          served.push(body);
          return body;
        });
        mux.serveStream('stream', async function* (body) {
          served.push(body);
          yield body;
        });
        transport.subscribe('shadowgrid.>', ({ subject }) => heard.push(subject));
        transport.publish('say', bytes('{"forged": 1}'), { reply: 'shadowgrid.actor.job.victim' });
        transport.publish('stream', bytes('{"forged": 2}'), { reply: 'shadowgrid.actor.job.victim' });
        // What comes after has been answered, so what came before will not be.
        expect(await mux.request('say', { honest: true })).toEqual({ honest: true });
        for await (const item of mux.requestStream('stream', { honest: true })) {
          expect(item).toEqual({ honest: true });
        }
        await transport.flush();
        expect(served).toEqual([{ honest: true }, { honest: true }]);
        expect(heard).toEqual([]);
      });

      test('fails at once when nobody serves, at the deadline when nobody answers, and when the caller gives up', async () => {
        const mux = createMux(await connect());
        open.push(mux);
        await expect(mux.request('nobody.serves', {}, { deadlineMs: 60_000 })).rejects.toThrow(NoResponders);
        mux.serve('silence', () => new Promise(() => undefined));
        await expect(mux.request('silence', {}, { deadlineMs: 30 })).rejects.toThrow(DeadlineExceeded);
        const controller = new AbortController();
        const given = mux.request('silence', {}, { signal: controller.signal });
        controller.abort();
        await expect(given).rejects.toThrow(Cancelled);
      });

      test('keeps a thousand calls apart', async () => {
        const server = createMux(await connect());
        const client = createMux(await connect());
        open.push(server, client);
        server.serve('double', async (body) => ({ n: 2 * (body as { n: number }).n }));
        await until(() => client.request('double', { n: 0 }).catch(() => undefined));
        const answers = await Promise.all(
          Array.from({ length: 1000 }, (_, n) => client.request('double', { n })),
        );
        expect(answers).toEqual(Array.from({ length: 1000 }, (_, n) => ({ n: 2 * n })));
      });

      test('an answer over the limit becomes an error', async () => {
        const transport = await connect();
        const mux = createMux(transport);
        open.push(mux);
        mux.serve('huge', () => ({ all: new Uint8Array(transport.maxPayload) }));
        await expect(mux.request('huge', {})).rejects.toMatchObject({ code: 'payload-too-large' });
      });
    });

    describe('streams', () => {
      test('bring every item, then end; errors arrive as errors', async () => {
        const mux = createMux(await connect());
        open.push(mux);
        mux.serveStream('count', async function* (body) {
          for (let i = 0; i < (body as { to: number }).to; i++) yield i;
          if ((body as { fail?: boolean }).fail) throw new GridError('broken', 'it broke');
        });
        expect(await collect(mux.requestStream('count', { to: 200 }))).toEqual(
          Array.from({ length: 200 }, (_, i) => i),
        );
        await expect(collect(mux.requestStream('count', { to: 2, fail: true }))).rejects.toMatchObject({
          code: 'broken',
        });
        await expect(collect(mux.requestStream('nobody.counts', {}))).rejects.toThrow(NoResponders);
      });

      test('end at the server when the reader leaves', async () => {
        const mux = createMux(await connect());
        open.push(mux);
        let ended = false;
        mux.serveStream('ticks', async function* (_, { signal }) {
          signal.addEventListener('abort', () => {
            ended = true;
          });
          yield 1;
          yield 2;
          await new Promise(() => undefined);
        });
        for await (const item of mux.requestStream('ticks', {})) if (item === 2) break;
        await until(() => ended);
      });

      test('end with an error, not a gap, when the reader is too slow', async () => {
        const mux = createMux(await connect());
        open.push(mux);
        let sent = 0;
        mux.serveStream('flood', async function* () {
          for (; sent < 100; sent++) yield sent;
        });
        const reading = mux.requestStream('flood', {}, { bound: 10 })[Symbol.asyncIterator]();
        const first = await reading.next();
        expect(first.value).toBe(0);
        const rest = (async () => {
          await until(() => sent === 100);
          // One more round trip on the same connection: everything sent before has arrived.
          await mux.request('nobody.serves', {}).catch(() => undefined);
          while (!(await reading.next()).done);
        })();
        await expect(rest).rejects.toThrow(StreamOverflow);
      });
    });
  });
}
