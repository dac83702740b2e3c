/** Frames of many messages between two nodes: what every transport driver must carry. */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  Cancelled,
  createMux,
  DeadlineExceeded,
  decode,
  encode,
  GridError,
  type Mux,
  type MuxOptions,
  NoResponders,
  type Transport,
} from '../../runtime/mod.ts';
import { until } from '../support/until.ts';
import type { TransportDriver } from './transport-suite.ts';

interface Sent {
  readonly subject: string;
  readonly data: Uint8Array;
}

/** The same transport, with a list of what was published on it. */
function recorded(transport: Transport): Transport & { readonly sent: Sent[] } {
  const sent: Sent[] = [];
  return new Proxy(transport, {
    get: (target, property) => {
      if (property === 'sent') return sent;
      if (property === 'publish')
        return (...[subject, data, options]: Parameters<Transport['publish']>) => {
          sent.push({ subject, data });
          target.publish(subject, data, options);
        };
      const value = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  }) as Transport & { readonly sent: Sent[] };
}

const double = (body: unknown) => ({ n: 2 * (body as { n: number }).n });
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

export function transportBatchSuite(name: string, driver: TransportDriver): void {
  describe(`${name} transport: frames`, () => {
    const open: AsyncDisposable[] = [];
    const node = async (options: MuxOptions = {}) => {
      const transport = recorded(await driver.connect());
      const mux = createMux(transport, options);
      open.push(transport, mux);
      return { transport, mux };
    };
    /** Asks until somebody serves it, so that the caller knows who answers. */
    const meet = (mux: Mux, subject: string) =>
      until(() =>
        mux.request(subject, { n: 0 }).then(
          () => true,
          () => false,
        ),
      );
    beforeAll(() => driver.start());
    afterAll(() => driver.stop());
    afterEach(async () => {
      for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
    });

    test('what is asked of one node in one turn shares frames, and so do the answers', async () => {
      const server = await node({ direct: 'frames.a' });
      const client = await node();
      server.mux.serve('svc.*', async (body) => double(body), { direct: true });
      for (const key of ['x', 'y']) await meet(client.mux, `svc.${key}`);
      client.transport.sent.length = server.transport.sent.length = 0;
      const answers = await Promise.all(
        numbers(200).map((n) => client.mux.request(`svc.${n % 2 ? 'x' : 'y'}`, { n })),
      );
      expect(answers).toEqual(numbers(200).map((n) => ({ n: 2 * n })));
      expect(client.transport.sent.length).toBeLessThan(12);
      expect(server.transport.sent.length).toBeLessThan(12);
      expect(client.transport.sent.filter(({ subject }) => subject === 'frames.a').length).toBeGreaterThan(0);
    });

    test('a message by itself is a plain one, and plain clients are answered in kind', async () => {
      const server = await node({ direct: 'frames.b' });
      const client = await node();
      server.mux.serve('svc.*', double, { direct: true });
      await meet(client.mux, 'svc.x');
      client.transport.sent.length = 0;
      for (const n of numbers(3)) expect(await client.mux.request('svc.x', { n })).toEqual({ n: 2 * n });
      expect(client.transport.sent.map(({ subject, data }) => [subject, decode(data)])).toEqual(
        numbers(3).map((n) => ['svc.x', { n }]),
      );
      const heard: Uint8Array[] = [];
      client.transport.subscribe('plain.back', ({ data }) => heard.push(data));
      await client.transport.flush();
      client.transport.publish('svc.x', new TextEncoder().encode('{"n": 4}'), { reply: 'plain.back' });
      client.transport.publish('svc.x', encode({ n: 5 }), { reply: 'plain.back' });
      await until(() => heard.length === 2);
      expect(JSON.parse(new TextDecoder().decode(heard[0]))).toEqual({ ok: true, body: { n: 8 } });
      expect(decode(heard[1]!)).toEqual({ ok: true, body: { n: 10 } });
    });

    test('each message of a frame has its own error, deadline and cancellation', async () => {
      const server = await node({ direct: 'frames.c' });
      const client = await node();
      server.mux.serve(
        'svc.*',
        (body, { subject }) => {
          if (subject === 'svc.silent') return new Promise(() => undefined);
          if (subject === 'svc.huge') return { all: new Uint8Array(server.transport.maxPayload) };
          if (subject === 'svc.angry') throw new GridError('angry', 'not now', { field: 'n' });
          return double(body);
        },
        { direct: true },
      );
      await meet(client.mux, 'svc.x');
      // Answers of one subject teach the way for that subject only: these go by subject first.
      for (const key of ['angry', 'huge'])
        await client.mux.request(`svc.${key}`, { n: 1 }).catch(() => undefined);
      const controller = new AbortController();
      const asked = [
        client.mux.request('svc.x', { n: 1 }),
        client.mux.request('svc.angry', { n: 1 }),
        client.mux.request('svc.huge', { n: 1 }),
        client.mux.request('svc.x', { run: () => undefined }),
        client.mux.request('svc.x', { n: 2 }, { signal: controller.signal }),
        client.mux.request('svc.silent', { n: 1 }, { deadlineMs: 40 }),
        client.mux.request('svc.x', { n: 3, pad: new Uint8Array(100_000) }),
        client.mux.request('svc.x', { n: 4, pad: new Uint8Array(client.transport.maxPayload) }),
        client.mux.request('svc.x', { n: 5 }),
      ];
      controller.abort();
      const [one, angry, huge, odd, cancelled, silent, large, tooLarge, last] =
        await Promise.allSettled(asked);
      expect(one).toMatchObject({ value: { n: 2 } });
      expect(angry).toMatchObject({ reason: { code: 'angry', field: 'n' } });
      expect(huge).toMatchObject({ reason: { code: 'payload-too-large' } });
      expect(odd).toMatchObject({ reason: { code: 'malformed-message' } });
      expect(cancelled).toMatchObject({ reason: expect.any(Cancelled) });
      expect(silent).toMatchObject({ reason: expect.any(DeadlineExceeded) });
      expect(large).toMatchObject({ value: { n: 6 } });
      expect(tooLarge).toMatchObject({ reason: { code: 'payload-too-large' } });
      expect(last).toMatchObject({ value: { n: 10 } });
    });

    test('messages arrive in the order they were sent, by themselves or in frames', async () => {
      const server = await node({ direct: 'frames.d' });
      const client = await node();
      const heard: number[] = [];
      server.mux.serve('svc.*', (body) => void heard.push((body as { n: number }).n), { direct: true });
      await meet(client.mux, 'svc.x');
      heard.length = 0;
      const pad = new Uint8Array(70_000);
      await Promise.all(
        numbers(300).map((n) => client.mux.request('svc.x', n % 50 === 7 ? { n, pad } : { n })),
      );
      expect(heard).toEqual(numbers(300));
    });

    test.each(['serves it no longer', 'is gone'])(
      'a node that %s: the next one is found by subject',
      async (how) => {
        const first = await node({ direct: 'frames.first' });
        const client = await node();
        const served = first.mux.serve('svc.*', () => 'first', { direct: true });
        await meet(client.mux, 'svc.x');
        const second = await node({ direct: 'frames.second' });
        if (how === 'is gone') await first.mux.close();
        else served.unsubscribe();
        second.mux.serve('svc.*', () => 'second', { direct: true });
        await Promise.all([first.transport.flush(), second.transport.flush()]);
        // The first goes by subject, the others in a frame to where they were answered last.
        expect(await Promise.all(numbers(20).map((n) => client.mux.request('svc.x', { n })))).toEqual(
          numbers(20).map(() => 'second'),
        );
      },
    );

    test('nobody left: each message of a frame hears so at once', async () => {
      const server = await node({ direct: 'frames.e' });
      const client = await node();
      server.mux.serve('svc.*', double, { direct: true });
      await meet(client.mux, 'svc.x');
      await server.mux.close();
      await server.transport.flush();
      const asked = await Promise.allSettled(
        numbers(10).map((n) => client.mux.request('svc.x', { n }, { deadlineMs: 60_000 })),
      );
      for (const one of asked) expect(one).toMatchObject({ reason: expect.any(NoResponders) });
    });

    test('a node that frames never reach is asked by subject from then on', async () => {
      const server = await node();
      const client = await node();
      server.transport.subscribe('frames.void', () => undefined);
      server.transport.subscribe('svc.x', ({ reply }) => {
        server.transport.publish(reply!, encode({ ok: true, body: 1 }), { reply: 'frames.void' });
      });
      await server.transport.flush();
      await meet(client.mux, 'svc.x');
      const ask = () => client.mux.request('svc.x', {}, { deadlineMs: 50 });
      const lost = await Promise.allSettled(numbers(5).map(ask));
      expect(lost.slice(1)).toMatchObject(numbers(4).map(() => ({ reason: expect.any(DeadlineExceeded) })));
      for (let round = 0; round < 3; round++)
        expect(await Promise.all(numbers(5).map(ask))).toEqual([1, 1, 1, 1, 1]);
    });

    test('no frame of garbage breaks a node; what can be answered is', async () => {
      const server = await node({ direct: 'frames.f' });
      const client = await node();
      server.mux.serve('svc.*', double, { direct: true });
      await meet(client.mux, 'svc.x');
      const answers: unknown[] = [];
      client.transport.subscribe('garbage.back', ({ data }) => answers.push(decode(data)));
      await client.transport.flush();
      const good = encode(['svc.x', { n: 1 }, 'svc.x', { n: 2 }, 'svc.x', { n: 3 }]);
      const deep = new Uint8Array(5000).fill(0x91);
      const frame = fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc
          .array(fc.oneof(fc.constant('svc.x'), fc.anything({ maxDepth: 2 })), { maxLength: 8 })
          .map((items) => {
            try {
              return encode(items);
            } catch {
              return deep;
            }
          }),
        fc.nat(good.length).map((end) => good.slice(0, end)),
        fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => good.with(at, byte)),
      );
      await fc.assert(
        fc.asyncProperty(frame, async (bytes) => {
          answers.length = 0;
          client.transport.publish('frames.f', bytes, { reply: 'garbage.back' });
          client.transport.publish('frames.f', encode([]));
          expect(await client.mux.request('svc.x', { n: 21 })).toEqual({ n: 42 });
          for (const answer of answers) {
            if (Array.isArray(answer)) expect(answer.length % 2).toBe(0);
            else expect(answer).toMatchObject({ ok: false, error: { code: expect.any(String) } });
          }
        }),
        { numRuns: 200 },
      );
      client.transport.publish(
        'frames.f',
        encode(['svc.x', { n: 1 }, 7, {}, 'elsewhere', {}, 'svc.x', { n: 2 }]),
        {
          reply: 'garbage.back',
        },
      );
      answers.length = 0;
      await until(() => answers.length > 0);
      expect(answers).toEqual([
        [
          ...[0, { ok: true, body: { n: 2 } }],
          ...[
            1,
            { ok: false, error: expect.objectContaining({ code: 'malformed-message', field: 'subject' }) },
          ],
          ...[2, { ok: false, error: expect.objectContaining({ code: 'misdirected' }) }],
          ...[3, { ok: true, body: { n: 4 } }],
        ],
      ]);
    });

    test('no answer of garbage breaks a caller: every call ends, with its answer or a typed error', async () => {
      const rogue = await node();
      const client = await node();
      let garbage: Uint8Array = encode([]);
      rogue.transport.subscribe('svc.x', ({ reply }) => {
        rogue.transport.publish(reply!, encode({ ok: true, body: 1 }), { reply: 'frames.g' });
      });
      rogue.transport.subscribe('frames.g', ({ reply }) => {
        rogue.transport.publish(reply!, garbage);
        // The rest of an honest answer: what garbage did not settle is settled by it.
        rogue.transport.publish(
          reply!,
          encode(numbers(8).flatMap((index) => [index, { ok: true, body: 1 }])),
        );
      });
      await rogue.transport.flush();
      await meet(client.mux, 'svc.x');
      const answer = fc.oneof(
        fc.constant({ ok: true, body: 1 }),
        fc.constant({ ok: false }),
        fc.constant({ ok: false, error: { code: 'c', message: 'm', retryable: 7 } }),
        fc.anything({ maxDepth: 1 }),
      );
      const frame = fc.oneof(
        fc.uint8Array({ maxLength: 100 }),
        fc.array(fc.oneof(fc.integer({ min: -1, max: 9 }), answer), { maxLength: 12 }).map((items) => {
          try {
            return encode(items);
          } catch {
            return new Uint8Array([0xc1]);
          }
        }),
      );
      await fc.assert(
        fc.asyncProperty(frame, async (bytes) => {
          garbage = bytes;
          const asked = await Promise.allSettled(numbers(4).map(() => client.mux.request('svc.x', {})));
          for (const one of asked) {
            if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(GridError);
          }
        }),
        { numRuns: 200 },
      );
    });
  });
}
