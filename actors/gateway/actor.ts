/** The gateway actor: serves the job API and the VM API on NATS while the connection lasts. */
import { assign, emit, setup } from 'xstate';
import { z } from 'zod';
import { type ActorBehaviour, defineActor, type Mux, type Subscription } from '../../runtime/mod.ts';
import type { JobApi } from './job-api.ts';
import type { VmApi } from './vm-api.ts';

const gatewayMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('suspended') }),
  z.object({ type: z.literal('restored') }),
  z.object({ type: z.literal('close') }),
  z.object({ type: z.literal('describe') }),
]);

type GatewayEffect = { readonly type: 'serve' } | { readonly type: 'withdraw' };

const gatewayMachine = setup({
  types: {
    context: {} as { readonly outages: number },
    events: {} as z.infer<typeof gatewayMessage>,
    emitted: {} as GatewayEffect,
  },
  actions: {
    serve: emit({ type: 'serve' }),
    withdraw: emit({ type: 'withdraw' }),
    countOutage: assign(({ context }) => ({ outages: context.outages + 1 })),
  },
}).createMachine({
  id: 'gateway',
  context: { outages: 0 },
  initial: 'serving',
  entry: 'serve',
  states: {
    serving: { on: { suspended: { target: 'suspended', actions: 'countOutage' }, close: 'closed' } },
    // Subscriptions come back with the connection; nothing is accepted meanwhile because nothing arrives.
    suspended: { on: { restored: 'serving', close: 'closed' } },
    closed: { type: 'final', entry: 'withdraw' },
  },
});

export const gatewayActor = defineActor({
  kind: 'gateway',
  machine: gatewayMachine,
  message: gatewayMessage,
  durability: 'volatile',
  replies: {
    describe: (snapshot) => ({ state: snapshot.value, outages: snapshot.context.outages }),
  },
});

/** Subjects of the job API; any gateway of the grid may answer. */
export const JOB_API = {
  submit: 'shadowgrid.job.submit',
  status: 'shadowgrid.job.status',
  list: 'shadowgrid.job.list',
  cancel: 'shadowgrid.job.cancel',
  output: 'shadowgrid.job.output',
  watch: 'shadowgrid.job.watch',
} as const;

/** Subjects of the VM API. */
export const VM_API = {
  operate: 'shadowgrid.vm.operate',
  cancel: 'shadowgrid.vm.cancel',
  checkpoints: 'shadowgrid.vm.checkpoints',
  list: 'shadowgrid.vm.list',
} as const;

export function gatewayBehaviour(mux: Mux, api: JobApi, vms: VmApi): ActorBehaviour<typeof gatewayActor> {
  const served: Subscription[] = [];
  const queue = { queue: 'shadowgrid.gateway' };
  return {
    onEffect(effect: GatewayEffect) {
      if (effect.type === 'withdraw') {
        for (const subscription of served.splice(0)) subscription.unsubscribe();
        return;
      }
      served.push(
        mux.serve(JOB_API.submit, (body) => api.submit(body), queue),
        mux.serve(JOB_API.status, (body) => api.status(body), queue),
        mux.serve(JOB_API.list, (body) => api.list(body), queue),
        mux.serve(JOB_API.cancel, (body) => api.cancel(body), queue),
        mux.serve(JOB_API.output, (body) => api.output(body), queue),
        mux.serveStream(JOB_API.watch, (body, { signal }) => api.watch(body, signal), queue),
        mux.serveStream(VM_API.operate, (body, { signal }) => vms.operate(body, signal), queue),
        mux.serve(VM_API.cancel, (body) => vms.cancel(body), queue),
        mux.serve(VM_API.checkpoints, (body) => vms.checkpoints(body), queue),
        mux.serve(VM_API.list, (body) => vms.list(body), queue),
      );
    },
  };
}
