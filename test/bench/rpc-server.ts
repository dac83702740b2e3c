/** The other process of `bench rpc`: `echo` answers bare requests with the official client, `actors` owns live actors. */
import { connect } from '@nats-io/transport-node';
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { connectNats, createActorSystem, defineActor, memoryKeyValue } from '../../runtime/mod.ts';

/** How many actors the calls are spread over. */
export const ACTORS = 64;
export const ECHO_SUBJECT = 'bench.rpc.echo';

const message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('add'), amount: z.number(), note: z.string() }),
  z.object({ type: z.literal('log'), amount: z.number(), note: z.string() }),
]);

export const counter = defineActor({
  kind: 'counter',
  durability: 'volatile',
  machine: setup({
    types: { context: {} as { total: number }, events: {} as z.infer<typeof message> },
  }).createMachine({
    context: { total: 0 },
    initial: 'counting',
    states: {
      counting: {
        on: {
          add: { actions: assign({ total: ({ context, event }) => context.total + event.amount }) },
          log: { actions: assign({ total: ({ context, event }) => context.total + event.amount }) },
        },
      },
    },
  }),
  message,
  replies: { add: ({ context }) => ({ total: context.total }) },
});

/** Where a role answers with the CPU time it has used, in microseconds. */
export const usageSubject = (role: string) => `bench.rpc.usage.${role}`;

if (import.meta.main) {
  const [role = '', url = ''] = process.argv.slice(2);
  // A connection of its own, so that neither role measures with the connection that is measured.
  const control = await connect({ servers: url });
  if (role === 'echo') {
    const echo = await connect({ servers: url });
    echo.subscribe(ECHO_SUBJECT, { callback: (_, request) => void request.respond(request.data) });
    await echo.flush();
  } else {
    const transport = await connectNats({ servers: url });
    const system = createActorSystem({ transport, store: memoryKeyValue(), node: 'bench-actors' });
    system.register(counter);
    for (let i = 0; i < ACTORS; i++) await system.spawn(counter, `c${i}`);
    await transport.flush();
  }
  control.subscribe(usageSubject(role), {
    callback: (_, request) => {
      const { user, system } = process.cpuUsage();
      request.respond(JSON.stringify(user + system));
    },
  });
}
