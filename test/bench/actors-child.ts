/** The process that `bench actors` measures: holds as many live actors as it is told to, then wakes passivated ones. */
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { connectNats, createActorSystem, defineActor, natsKeyValue } from '../../runtime/mod.ts';
import { median } from './benchmark.ts';

const [url = '', count = '0', woken = '0'] = process.argv.slice(2);

const message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('count') }),
  z.object({ type: z.literal('read') }),
]);
const machine = setup({
  types: { context: {} as { readonly n: number }, events: {} as z.infer<typeof message> },
}).createMachine({
  context: { n: 0 },
  initial: 'counting',
  states: {
    counting: { on: { count: { actions: assign({ n: ({ context }) => context.n + 1 }) } } },
  },
});
const replies = { read: ({ context }: { context: { n: number } }) => context.n };
const live = defineActor({ kind: 'live', machine, message, replies, durability: 'volatile' });
const resting = defineActor({ kind: 'resting', machine, message, replies, passivation: { afterMs: 0 } });

const transport = await connectNats({ servers: url });
const store = await natsKeyValue(transport, { bucket: `bench-actors-${process.pid}` });
const system = createActorSystem({ transport, store, node: 'bench' });
system.register(live);
system.register(resting);

const began = performance.now();
for (let i = 0; i < Number(count); i++) await system.spawn(live, `a${i}`);
const createUs = ((performance.now() - began) / Number(count)) * 1000;
// Each of them is alive and answers.
for (let i = 0; i < Number(count); i += 97) await system.ref(live, `a${i}`).ask({ type: 'count' });
const alive = system.actors(live).length;
const rssMiB = process.memoryUsage.rss() / 2 ** 20;

const reactivated: number[] = [];
for (let i = 0; i < Number(woken); i++) await system.spawn(resting, `r${i}`);
while (system.actors(resting).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
for (let i = 0; i < Number(woken); i++) {
  const asked = performance.now();
  await system.ref(resting, `r${i}`).ask({ type: 'read' });
  reactivated.push(performance.now() - asked);
}
await system.stop();
await transport.close();
process.stdout.write(
  `${JSON.stringify({ alive, rssMiB, createUs, reactivateP50Ms: median(reactivated) })}\n`,
);
