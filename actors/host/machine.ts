/** The host statechart: opening, ready, unreachable, draining; who lives here and what each may use. */
import { assign, enqueueActions, setup } from 'xstate';
import type { WireError } from '../../runtime/mod.ts';
import {
  arrivalRefusal,
  grantOf,
  hostView,
  isKnown,
  operationRefusal,
  postponement,
  refusal,
  residentsAfter,
  withGrant,
} from './decide.ts';
import type { HostContext, HostEffect, HostMessage, Residence } from './messages.ts';
import type { OperationUnderWay } from './operations/mod.ts';

/** Reports of operations that people can look up. */
const REPORTS_KEPT = 64;

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
      const found = event.found.map(({ name: domain, ...rest }): [string, Residence] => [
        rest.jobId,
        { ...rest, domain, leaving: false },
      ]);
      const residents = { ...context.residents, ...Object.fromEntries(found) };
      const { info, capabilities, target } = event;
      const underWay = (event.underWay ?? []).map((one): [string, OperationUnderWay] => [
        one.operation.id,
        one,
      ]);
      const operations = { ...context.operations, ...Object.fromEntries(underWay) };
      enqueue.assign({ info, capabilities, target, residents, operations, error: undefined });
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
      const postponed = postponement(context, directive);
      if (postponed !== undefined) return enqueue.emit({ type: 'settled', settlement: postponed });
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
    operate: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'operate' || event.dryRun) return;
      const { operation } = event;
      if (isKnown(context, operation) || operationRefusal(context, operation) !== undefined) return;
      const { domain } = context.residents[operation.jobId]!;
      const operations = { ...context.operations, [operation.id]: { operation, domain } };
      enqueue.assign({ operations });
      enqueue.emit({ type: 'operate', operation, domain });
    }),
    cancelOperation: enqueueActions(({ event, enqueue }) => {
      if (event.type === 'cancel-operation') enqueue.emit({ type: 'cancel-operation', id: event.id });
    }),
    noteOperated: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'operated') return;
      const { report } = event;
      const { [report.operation.id]: _, ...operations } = context.operations;
      enqueue.assign({
        operations,
        residents: residentsAfter(context.residents, report),
        reports: [...context.reports.slice(1 - REPORTS_KEPT), report],
      });
      enqueue.emit({ type: 'report', report });
    }),
    expect: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'expect' || arrivalRefusal(context, event) !== undefined) return;
      const { jobId, domain, allocation, withinMs } = event;
      const reservations = { ...context.reservations, [jobId]: { jobId, domain, allocation } };
      enqueue.assign({ reservations });
      enqueue.emit({ type: 'expect', jobId, withinMs });
    }),
    arrive: assign(({ context, event }) => {
      if (event.type !== 'arrived') return {};
      const { jobId, domain } = event;
      const { [jobId]: reserved, ...reservations } = context.reservations;
      if (context.residents[jobId] !== undefined || reserved === undefined) return { reservations };
      const residence: Residence = { jobId, domain, allocation: reserved.allocation, leaving: false };
      return { reservations, residents: { ...context.residents, [jobId]: residence } };
    }),
    callOff: assign(({ context, event }) => {
      if (event.type !== 'called-off') return {};
      const { [event.jobId]: _, ...reservations } = context.reservations;
      return { reservations };
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
    reservations: {},
    target: undefined,
    operations: {},
    reports: [],
    error: undefined,
  }),
  initial: 'opening',
  on: {
    release: { actions: 'release' },
    settled: { actions: 'noteSettled' },
    'cancel-operation': { actions: 'cancelOperation' },
    operated: { actions: 'noteOperated' },
    'called-off': { actions: 'callOff' },
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
        operate: { actions: 'operate' },
        operated: { actions: ['noteOperated', 'announce'] },
        expect: { actions: ['expect', 'announce'] },
        arrived: { actions: ['arrive', 'announce'] },
        'called-off': { actions: ['callOff', 'announce'] },
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
        operate: { actions: 'operate' },
        operated: { actions: ['noteOperated', 'announceClosed'] },
        released: { actions: ['noteReleased', 'announceClosed'] },
      },
    },
  },
});
