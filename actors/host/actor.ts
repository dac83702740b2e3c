/** The host actor: its definition, and what it answers. What it does: `behaviour.ts`. */
import { defineActor, type WireError } from '../../runtime/mod.ts';
import { arrivalRefusal, hostView, isKnown, operationRefusal, refusal } from './decide.ts';
import { hostMachine } from './machine.ts';
import { type HostContext, hostMessage } from './messages.ts';
import type { MigrationTarget } from './port/mod.ts';

export const hostActor = defineActor({
  kind: 'host',
  placement: { pinnedTo: 'host' },
  machine: hostMachine,
  message: hostMessage,
  // libvirt is the truth about VMs: a host actor reads it again instead of remembering.
  durability: 'volatile',
  mailboxBound: 4096,
  replies: {
    ensure: (snapshot, message): { accepted: true } | { accepted: false; error: WireError } => {
      const { context } = snapshot;
      const error = notReady(snapshot.value, context) ?? refusal(context, message.tenant, message.mayCreate);
      return error === undefined ? { accepted: true } : { accepted: false, error };
    },
    operate: (snapshot, message): { accepted: true } | { accepted: false; error: WireError } => {
      const { context } = snapshot;
      if (isKnown(context, message.operation)) return { accepted: true };
      const error = notReady(snapshot.value, context) ?? operationRefusal(context, message.operation);
      return error === undefined ? { accepted: true } : { accepted: false, error };
    },
    expect: (
      snapshot,
      message,
    ): { accepted: true; target: MigrationTarget } | { accepted: false; error: WireError } => {
      const { context } = snapshot;
      if (context.reservations[message.jobId] !== undefined && context.target !== undefined) {
        return { accepted: true, target: context.target };
      }
      const error = notReady(snapshot.value, context) ?? arrivalRefusal(context, message);
      return { accepted: false, error: error ?? noArrivals(context.name) };
    },
    describe: (snapshot) => ({
      view: hostView(snapshot.context, snapshot.value === 'ready'),
      state: snapshot.value,
      residents: Object.values(snapshot.context.residents),
      operations: Object.values(snapshot.context.operations),
      reports: snapshot.context.reports,
      error: snapshot.context.error,
    }),
  },
});

function notReady(state: string, context: HostContext): WireError | undefined {
  if (state === 'ready') return undefined;
  const error = context.error ?? { code: 'host-not-ready', message: `host ${context.name} is ${state}` };
  return { ...error, retryable: true };
}

const noArrivals = (host: string): WireError => ({
  code: 'capability-missing',
  message: `no VM can be moved to host ${host}`,
});
