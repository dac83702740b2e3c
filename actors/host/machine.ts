/** The host statechart: opening, ready, unreachable, draining; who lives here and what each may use. */
import { assign, enqueueActions, setup } from 'xstate';
import type { WireError } from '../../runtime/mod.ts';
import { grantOf, hostView, refusal, withGrant } from './decide.ts';
import type { HostContext, HostEffect, HostMessage, Residence } from './messages.ts';

export const hostMachine = setup({
  types: {
    context: {} as HostContext,
    events: {} as HostMessage,
    emitted: {} as HostEffect,
    input: {} as { readonly name: string; readonly pool: string },
  },
  actions: {
    noteOpened: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'opened') return;
      const found = event.found.map((d): [string, Residence] => [
        d.jobId,
        { jobId: d.jobId, domain: d.name, allocation: d.allocation, leaving: false },
      ]);
      const residents = { ...context.residents, ...Object.fromEntries(found) };
      enqueue.assign({ info: event.info, capabilities: event.capabilities, residents, error: undefined });
      enqueue.emit({ type: 'reconcile', residents: found.map(([, residence]) => residence) });
    }),
    noteError: assign(({ event }) =>
      event.type === 'unreachable' ? { error: event.error as WireError } : {},
    ),
    admit: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'ensure' || refusal(context, event.tenant, event.mayCreate) !== undefined) return;
      const { tenant, mayCreate } = event;
      const residence: Residence = context.residents[tenant.jobId] ?? {
        jobId: tenant.jobId,
        domain: tenant.domain,
        allocation: tenant.allocation,
        leaving: false,
      };
      enqueue.assign({ residents: { ...context.residents, [tenant.jobId]: residence } });
      enqueue.emit({ type: 'ensure', tenant, mayCreate });
    }),
    release: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'release') return;
      const residence = context.residents[event.jobId];
      if (residence === undefined) return;
      enqueue.assign({ residents: { ...context.residents, [event.jobId]: { ...residence, leaving: true } } });
      enqueue.emit({ type: 'release', jobId: event.jobId, domain: residence.domain });
    }),
    noteReleased: assign(({ context, event }) => {
      if (event.type !== 'released') return {};
      const { [event.jobId]: _, ...residents } = context.residents;
      return { residents };
    }),
    /** Books the grant before it is carried out, so that two raises cannot both get the last of the room. */
    apply: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'directive') return;
      const { directive } = event;
      const residence = context.residents[directive.jobId];
      const grant = grantOf(context, directive);
      if (residence !== undefined && !residence.leaving) {
        const allocation = withGrant(residence.allocation, directive.resource, grant);
        enqueue.assign({
          residents: { ...context.residents, [directive.jobId]: { ...residence, allocation } },
        });
      }
      enqueue.emit({ type: 'apply', directive, grant });
    }),
    noteSettled: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'settled') return;
      const { directive, granted } = event.settlement;
      const residence = context.residents[directive.jobId];
      if (residence !== undefined) {
        const allocation = withGrant(residence.allocation, directive.resource, granted);
        enqueue.assign({
          residents: { ...context.residents, [directive.jobId]: { ...residence, allocation } },
        });
      }
      enqueue.emit({ type: 'settled', settlement: event.settlement });
    }),
    announce: enqueueActions(({ context, enqueue }) => {
      enqueue.emit({ type: 'announce', view: hostView(context, true) });
    }),
    announceClosed: enqueueActions(({ context, enqueue }) => {
      enqueue.emit({ type: 'announce', view: hostView(context, false) });
    }),
  },
}).createMachine({
  id: 'host',
  context: ({ input }) => ({
    ...input,
    info: undefined,
    capabilities: undefined,
    residents: {},
    error: undefined,
  }),
  initial: 'opening',
  on: {
    release: { actions: 'release' },
    settled: { actions: 'noteSettled' },
  },
  states: {
    opening: {
      on: {
        opened: { target: 'ready', actions: 'noteOpened' },
        unreachable: { target: 'unreachable', actions: 'noteError' },
      },
    },
    ready: {
      entry: 'announce',
      on: {
        ensure: { actions: ['admit', 'announce'] },
        directive: { actions: 'apply' },
        settled: { actions: ['noteSettled', 'announce'] },
        released: { actions: ['noteReleased', 'announce'] },
        unreachable: { target: 'unreachable', actions: 'noteError' },
        drain: 'draining',
      },
    },
    unreachable: {
      entry: 'announceClosed',
      on: {
        opened: { target: 'ready', actions: 'noteOpened' },
        released: { actions: 'noteReleased' },
      },
    },
    draining: {
      entry: 'announceClosed',
      on: {
        directive: { actions: 'apply' },
        released: { actions: ['noteReleased', 'announceClosed'] },
      },
    },
  },
});
