/** Looks at the actors of a grid from anywhere that reaches its NATS. */
import { parseAddress } from '../address.ts';
import type { Mux } from '../transport/mod.ts';
import type { Chart } from './chart.ts';
import {
  type ActorPage,
  type ActorView,
  inspectSubject,
  NODES_SUBJECT,
  type NodeView,
  type WatchBatch,
  type WatchQuery,
} from './messages.ts';

/** Every call rejects with the node's own typed error as `RemoteError`, or with what the mux throws. */
export class InspectionClient {
  readonly #mux: Mux;
  /** By hash: a chart never changes. */
  readonly #charts = new Map<string, Promise<Chart>>();

  constructor(mux: Mux) {
    this.#mux = mux;
  }

  /** The node that answers first. A grid has one for now. */
  async node(): Promise<NodeView> {
    return (await this.#mux.request(NODES_SUBJECT, {})) as NodeView;
  }

  /** In order of address; default 200 at a time. */
  async actors(
    node: string,
    query: { readonly kind?: string; readonly limit?: number; readonly after?: string } = {},
  ): Promise<ActorPage> {
    return (await this.#ask(node, 'actors', query)) as ActorPage;
  }

  async actor(node: string, address: string): Promise<ActorView> {
    return (await this.#ask(node, 'actor', { address })) as ActorView;
  }

  /** Asked for once per chart. */
  chart(node: string, { address, chart: hash }: Pick<ActorView, 'address' | 'chart'>): Promise<Chart> {
    const known = this.#charts.get(hash);
    if (known !== undefined) return known;
    const { kind } = parseAddress(address);
    const asked = this.#ask(node, 'chart', { kind }) as Promise<Chart>;
    this.#charts.set(hash, asked);
    asked.catch(() => this.#charts.delete(hash));
    return asked;
  }

  /** The actor's answer to a message; undefined where its definition has none. */
  async send(
    node: string,
    address: string,
    message: { readonly type: string },
    options: { readonly deadlineMs?: number; readonly durable?: { readonly name?: string } } = {},
  ): Promise<{ readonly answer?: unknown; readonly cut: ActorView['cut'] }> {
    const { deadlineMs = 5_000, durable } = options;
    const body = { address, message, deadlineMs, ...(durable !== undefined && { durable }) };
    // The node's own deadline says more than ours.
    const asked = this.#ask(node, 'send', body, { deadlineMs: deadlineMs + 1_000 });
    return (await asked) as { answer?: unknown; cut: ActorView['cut'] };
  }

  /** Until the loop is left, `signal` fires or the node ends. The first batch is empty: from then on all is seen. */
  watch(
    node: string,
    query: WatchQuery = {},
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncIterable<WatchBatch> {
    const stream = this.#mux.requestStream(inspectSubject(node, 'watch'), query, options);
    return stream as AsyncIterable<WatchBatch>;
  }

  #ask(
    node: string,
    what: 'actors' | 'actor' | 'chart' | 'send',
    body: object,
    options: { readonly deadlineMs: number } = { deadlineMs: 10_000 },
  ): Promise<unknown> {
    return this.#mux.request(inspectSubject(node, what), body, options);
  }
}
