/** The allocator's worker: NATS frames in, batched inference and decisions, directives out. Runs on Node and Deno. */
import { existsSync } from 'node:fs';
import { type BatchForecaster, loadLstmForecaster, persistence, TACTICAL_SHAPE } from '../../models/mod.ts';
import { connectNats, GridError, type NatsTransport, serveWorker, systemClock } from '../../runtime/mod.ts';
import type { AllocatorWorkerContract, OpenOptions } from './contract.ts';
import { AllocatorLoop } from './loop.ts';

let transport: NatsTransport | undefined;
let forecaster: BatchForecaster | undefined;
let loop: AllocatorLoop | undefined;
let serial = 0;
let lastError = '';

const scope = serveWorker<AllocatorWorkerContract>(
  {
    open: async (options) => {
      transport = await connectNats({
        ...options.nats,
        name: 'shadowgrid-allocator',
        // It may connect to the servers that it was told of, as they were written, and to no other.
        connection: { resolve: false, ignoreClusterUpdates: true },
      });
      forecaster = await openForecaster(options);
      const epoch = Date.now().toString(36);
      loop = new AllocatorLoop({
        transport,
        forecaster,
        clock: systemClock,
        nextId: () => `d-${epoch}-${(serial++).toString(36)}`,
        onDirectives: (directives) => scope.emit('directives', directives),
        onError: (error) => degraded(error),
      });
      return { forecaster: forecaster.name };
    },
    track: (ward) => need().track(ward),
    untrack: (jobId) => need().untrack(jobId),
    settle: (settlement) => need().settle(settlement),
  },
  {
    onClose: async () => {
      loop?.stop();
      await forecaster?.[Symbol.asyncDispose]();
      await transport?.close();
    },
  },
);

async function openForecaster({ modelPath, stepMs }: OpenOptions): Promise<BatchForecaster> {
  try {
    if (modelPath === undefined || !existsSync(modelPath)) {
      throw new GridError('model-missing', `there is no model at ${modelPath}`);
    }
    return await loadLstmForecaster(modelPath);
  } catch (error) {
    degraded(error);
    return persistence({ ...TACTICAL_SHAPE, stepMs });
  }
}

/** Tells the same reason once, not every tick. */
function degraded(error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  if (reason === lastError) return;
  lastError = reason;
  scope.emit('degraded', { reason });
}

function need(): AllocatorLoop {
  if (loop === undefined) throw new GridError('not-open', 'the allocator worker was not opened');
  return loop;
}
