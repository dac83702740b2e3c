/** The allocator actor: its definition, its worker, and whom it directs. */
import {
  type ActorBehaviour,
  type ActorContext,
  defineActor,
  spawnWorker,
  type WorkerPort,
} from '../../runtime/mod.ts';
import type { Directive } from '../host/mod.ts';
import type { AllocatorWorkerContract, OpenOptions } from './contract.ts';
import { allocatorMachine } from './machine.ts';
import { type AllocatorEffect, allocatorMessage } from './messages.ts';
import { sandboxOf } from './sandbox.ts';

export const allocatorActor = defineActor({
  kind: 'allocator',
  machine: allocatorMachine,
  message: allocatorMessage,
  // Rebuilt from the shadows, which ask again after a restart.
  durability: 'volatile',
  mailboxBound: 16_384,
  replies: {
    describe: (snapshot) => ({
      state: snapshot.value,
      forecaster: snapshot.context.forecaster,
      degraded: snapshot.context.degraded,
      wards: Object.keys(snapshot.context.wards).length,
      restarts: snapshot.context.restarts,
    }),
  },
});

export const ALLOCATOR_KEY = 'main';

export interface AllocatorNeighbours {
  direct(host: string, directive: Directive): void;
  /** In dry run a directive is told but not given. */
  proposed(host: string, directive: Directive): void;
  /** The forecaster cannot be used, or its worker ended. */
  warn(message: string): void;
}

/** A worker that ends is started again after a while that doubles each time, up to this, ms. */
const MOST_BACK_OFF_MS = 30_000;

type Context = ActorContext<typeof allocatorActor>;

export class AllocatorBehaviour implements ActorBehaviour<typeof allocatorActor> {
  readonly #options: OpenOptions;
  readonly #neighbours: AllocatorNeighbours;
  #worker: WorkerPort<AllocatorWorkerContract> | undefined;
  #closed = false;

  constructor(options: OpenOptions, neighbours: AllocatorNeighbours) {
    this.#options = options;
    this.#neighbours = neighbours;
  }

  async onEffect(effect: AllocatorEffect, context: Context): Promise<void> {
    switch (effect.type) {
      case 'start-worker':
        return await this.#start(effect.attempt, context);
      case 'track':
        return this.#call('track', effect.ward);
      case 'untrack':
        return this.#call('untrack', effect.jobId);
      case 'settle':
        return this.#call('settle', effect.settlement);
      case 'direct':
        if (effect.dryRun) this.#neighbours.proposed(effect.host, effect.directive);
        else this.#neighbours.direct(effect.host, effect.directive);
    }
  }

  /** Lets the worker finish its inference and end by itself. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#worker?.close();
  }

  async #start(attempt: number, { self, signal }: Context): Promise<void> {
    if (attempt > 0) {
      const delay = Math.min(MOST_BACK_OFF_MS, 250 * 2 ** attempt);
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
    if (this.#closed || signal.aborted) return;
    const url = new URL('./allocator.worker.ts', import.meta.url);
    const worker = spawnWorker<AllocatorWorkerContract>(url, {
      name: 'allocator',
      permissions: sandboxOf(this.#options),
    });
    this.#worker = worker;
    worker.on(
      'directives',
      (directives) => void self.tell({ type: 'directives', directives: [...directives] }),
    );
    worker.on('degraded', ({ reason }) => {
      this.#neighbours.warn(`the forecaster is degraded: ${reason}`);
      void self.tell({ type: 'degraded', reason });
    });
    worker.onExit(({ code, error }) => {
      if (this.#closed) return;
      const reason = error?.message ?? `exit code ${code}`;
      this.#neighbours.warn(`the allocator's worker ended: ${reason}`);
      void self.tell({ type: 'worker-exited', reason });
    });
    try {
      const { forecaster } = await worker.call('open', this.#options);
      await self.tell({ type: 'worker-ready', forecaster });
    } catch (error) {
      this.#neighbours.warn(
        `the allocator's worker did not open: ${error instanceof Error ? error.message : error}`,
      );
      await worker.close();
    }
  }

  /** A call that fails because the worker ended is made again when the new one is handed all wards. */
  #call(name: 'track' | 'untrack' | 'settle', request: never | object | string): void {
    this.#worker?.call(name, request as never).catch(() => {});
  }
}
