/** The admin actor: serves the admin API on loopback. */
import type { Server } from 'node:http';
import { type ServerType, serve } from '@hono/node-server';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { assign, emit, setup } from 'xstate';
import { z } from 'zod';
import { type ActorBehaviour, defineActor, GridError } from '../../runtime/mod.ts';

const adminMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('listening'), url: z.string() }),
  z.object({ type: z.literal('failed'), reason: z.string() }),
  z.object({ type: z.literal('close') }),
  z.object({ type: z.literal('describe') }),
]);

type AdminEffect = { readonly type: 'close' };

const adminMachine = setup({
  types: {
    context: {} as { readonly url: string | undefined; readonly reason: string | undefined },
    events: {} as z.infer<typeof adminMessage>,
    emitted: {} as AdminEffect,
  },
  actions: {
    noteUrl: assign(({ event }) => (event.type === 'listening' ? { url: event.url } : {})),
    noteReason: assign(({ event }) => (event.type === 'failed' ? { reason: event.reason } : {})),
    close: emit({ type: 'close' }),
  },
}).createMachine({
  id: 'admin',
  context: { url: undefined, reason: undefined },
  initial: 'opening',
  states: {
    opening: {
      on: {
        listening: { target: 'listening', actions: 'noteUrl' },
        failed: { target: 'failed', actions: 'noteReason' },
        close: 'closed',
      },
    },
    listening: { on: { close: 'closed' } },
    failed: { type: 'final' },
    closed: { type: 'final', entry: 'close' },
  },
});

export const adminActor = defineActor({
  kind: 'admin',
  machine: adminMachine,
  message: adminMessage,
  durability: 'volatile',
  replies: { describe: (snapshot) => ({ state: snapshot.value, ...snapshot.context }) },
});

/** The port is taken, or may not be used. */
export class AdminPortUnavailable extends GridError {
  constructor(port: number, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super('admin-port-unavailable', `the admin API cannot listen on 127.0.0.1:${port}: ${reason}`, {
      field: 'adminPort',
      hint: 'choose another with --admin-port, or 0 for any free one',
      cause,
    });
  }
}

export class AdminBehaviour implements ActorBehaviour<typeof adminActor> {
  #server: ServerType | undefined;

  /** Listens on 127.0.0.1; resolves with the URL. Throws {@link AdminPortUnavailable}. */
  open(app: OpenAPIHono, port: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, (info) =>
        resolve(`http://127.0.0.1:${info.port}`),
      );
      server.once('error', (cause) => reject(new AdminPortUnavailable(port, cause)));
      this.#server = server;
    });
  }

  onEffect(): void {
    (this.#server as Server | undefined)?.closeAllConnections();
    this.#server?.close();
  }
}
