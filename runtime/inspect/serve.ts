/** Answers questions about the actors of a node, and lets people watch them and send to them. */
import { parseAddress } from '../address.ts';
import { checked } from '../checked.ts';
import type { Clock } from '../clock.ts';
import type { ActorSystem } from '../system/mod.ts';
import type { Subscription } from '../transport/mod.ts';
import { chartOf } from './chart.ts';
import {
  actorRequest,
  actorsRequest,
  chartRequest,
  inspectSubject,
  NODES_SUBJECT,
  sendRequest,
  watchRequest,
} from './messages.ts';
import { toPlain } from './plain.ts';
import { definitionOf, listActors, viewActor, viewNode } from './views.ts';
import { watchSystem } from './watch.ts';

/** On `shadowgrid.inspect.NODE.*`, until it is unsubscribed or the system stops. */
export function serveInspection(system: ActorSystem, options: { readonly clock: Clock }): Subscription {
  const { mux, node } = system;
  const { clock } = options;
  const served = [
    mux.serve(NODES_SUBJECT, () => viewNode(system)),
    mux.serve(inspectSubject(node, 'actors'), (body) =>
      listActors(system, checked(actorsRequest, body, 'actors')),
    ),
    mux.serve(inspectSubject(node, 'actor'), (body) =>
      viewActor(system, checked(actorRequest, body, 'actor').address),
    ),
    mux.serve(inspectSubject(node, 'chart'), (body) =>
      chartOf(definitionOf(system, checked(chartRequest, body, 'chart').kind).machine),
    ),
    mux.serve(inspectSubject(node, 'send'), (body) => send(system, body)),
    mux.serveStream(inspectSubject(node, 'watch'), (body, { signal }) =>
      watchSystem(system, checked(watchRequest, body, 'watch'), { clock, signal }),
    ),
  ];
  return {
    unsubscribe: () => served.forEach((one) => void one.unsubscribe()),
    drain: async () => void (await Promise.all(served.map((one) => one.drain()))),
  };
}

/** The actor's own schema checks the message. */
async function send(system: ActorSystem, body: unknown): Promise<object> {
  const { address, message, deadlineMs, durable } = checked(sendRequest, body, 'send');
  const { kind, key } = parseAddress(address);
  const ref = system.ref(definitionOf(system, kind), key);
  const options = deadlineMs === undefined ? {} : { deadlineMs };
  if (durable !== undefined) {
    const { name } = durable;
    await ref.command(message, { ...options, ...(name !== undefined && { name }) });
    return { cut: [] };
  }
  const answer = await ref.ask(message, options);
  const { value, cut } = toPlain(answer);
  return { ...(answer !== undefined && { answer: value }), cut };
}
