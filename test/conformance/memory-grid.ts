/** A whole grid on in-memory drivers, its jobs on the simulated hypervisor, with a client: for each test or for a file. */
import { test as base } from 'vitest';
import { JobClient } from '../../actors/gateway/mod.ts';
import { Grid } from '../../actors/grid/mod.ts';
import type { Hypervisor } from '../../actors/host/mod.ts';
import { createSimulatedHypervisor } from '../../actors/host/simulated/mod.ts';
import type { JobRequestInput, JobState, JobView } from '../../actors/job/mod.ts';
import {
  createMux,
  MemoryBus,
  memoryCommandLog,
  memoryKeyValue,
  StoreUnavailable,
  systemClock,
} from '../../runtime/mod.ts';
import { until } from '../support/until.ts';

/** The subjects are the contract: written out, so that nobody changes them by accident. */
export const JOB_API = {
  submit: 'shadowgrid.job.submit',
  status: 'shadowgrid.job.status',
  list: 'shadowgrid.job.list',
  cancel: 'shadowgrid.job.cancel',
  output: 'shadowgrid.job.output',
};

/** `given` is the test's own; `untouched` is one for all tests of a file that leave nothing in it. */
export const test = base.extend<{ given: MemoryGrid; untouched: MemoryGrid }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures this one needs.
  given: async ({}, use) => await lend(use),
  untouched: [
    // biome-ignore lint/correctness/noEmptyPattern: as above.
    async ({}, use) => await lend(use),
    { scope: 'file' },
  ],
});

async function lend(use: (grid: MemoryGrid) => Promise<void>): Promise<void> {
  const grid = new MemoryGrid();
  await grid.start();
  await use(grid);
  await grid.end();
}

export const job = (command: string, more: Partial<JobRequestInput> = {}): JobRequestInput => ({
  application: 'suite',
  user: 'ada',
  command,
  shadow: { policy: 'fixed' },
  ...more,
});

const ENDED: readonly JobState[] = ['completed', 'failed', 'cancelled'];

class MemoryGrid {
  readonly #bus = new MemoryBus();
  readonly #store = memoryKeyValue();
  readonly #outputs = memoryKeyValue();
  readonly #commands = memoryCommandLog();
  readonly #link = this.#bus.connect();
  #grid: Grid | undefined;
  /** Outlives the grids that open it. */
  readonly machine = createSimulatedHypervisor({ cores: 2, memoryMiB: 1024, bootMs: 5 });
  readonly mux = createMux(this.#link);
  readonly client = new JobClient(this.mux);
  /** The next new actor is stored, but who asked for it hears that the store is not available. */
  losesNextAnswer = false;
  /** Jobs that a VM was created for. */
  readonly created: string[] = [];

  constructor() {
    const create = this.#store.create.bind(this.#store);
    this.#store.create = async (key, value) => {
      const revision = await create(key, value);
      if (!this.losesNextAnswer) return revision;
      this.losesNextAnswer = false;
      throw new StoreUnavailable(`create ${key}`, new Error('the answer was lost'));
    };
  }

  /** Starts the grid (again) on what is stored. */
  async start(): Promise<void> {
    const next = new Grid({
      node: 'test',
      transport: this.#bus.connect(),
      store: this.#store,
      outputs: this.#outputs,
      commands: this.#commands,
      // The allocator's worker knows no in-memory bus: it tries in vain, and jobs run with what they start with.
      forecasterNats: { servers: 'nats://127.0.0.1:1' },
      modelPath: undefined,
      clock: systemClock,
      hosts: [{ name: 'sim', pool: 'general-purpose', open: async () => this.#borrowed() }],
      images: [{ name: 'tiny', kernel: '/none', initrd: '/none' }],
      pools: ['general-purpose'],
      log: { info: () => {}, warn: () => {} },
    });
    await next.start();
    this.#grid = next;
  }

  /** Resolves with the domains left running. */
  async stop(options: { readonly keep: boolean }): Promise<string[]> {
    return (await this.#grid?.stop(options)) ?? [];
  }

  async end(): Promise<void> {
    await this.mux.close();
    await this.stop({ keep: false });
    await this.machine[Symbol.asyncDispose]();
  }

  /** Submits; the job's id. */
  readonly submitted = async (request: JobRequestInput): Promise<string> =>
    (await this.client.submit(request)).id;

  /** The job once it is in one of `states`; throws when it has ended otherwise. */
  readonly reach = (id: string, ...states: readonly JobState[]): Promise<JobView> =>
    until(async () => {
      const view = await this.client.status(id);
      if (states.includes(view.state)) return view;
      if (ENDED.includes(view.state)) throw new Error(`${id} is ${view.state}: ${view.error?.message}`);
      return undefined;
    });

  /** What a client without any library of ours gets for bytes. */
  readonly raw = async (subject: string, bytes: Uint8Array): Promise<Uint8Array> => {
    const answer = Promise.withResolvers<Uint8Array>();
    const inbox = `raw.${crypto.randomUUID()}`;
    const subscription = this.#link.subscribe(inbox, ({ data }) => answer.resolve(data));
    this.#link.publish(subject, bytes, { reply: inbox });
    return await answer.promise.finally(() => subscription.unsubscribe());
  };

  readonly askJson = async (
    subject: string,
    text: string,
  ): Promise<{ ok: boolean; body?: never; error?: never }> =>
    JSON.parse(new TextDecoder().decode(await this.raw(subject, new TextEncoder().encode(text))));

  #borrowed(): Hypervisor {
    const { machine, created } = this;
    return {
      capabilities: machine.capabilities,
      telemetry: machine.telemetry,
      tuning: machine.tuning,
      warmth: machine.warmth,
      checkpoints: machine.checkpoints,
      migration: machine.migration,
      info: () => machine.info(),
      list: () => machine.list(),
      create: (spec, options) => {
        created.push(spec.jobId);
        return machine.create(spec, options);
      },
      destroy: (name) => machine.destroy(name),
      setCores: (name, cores) => machine.setCores(name, cores),
      setVcpus: (name, vcpus) => machine.setVcpus(name, vcpus),
      setMemory: (name, memoryMiB) => machine.setMemory(name, memoryMiB),
      agent: (name, options) => machine.agent(name, options),
      sample: (names, out) => machine.sample(names, out),
      consoleTail: (name) => machine.consoleTail(name),
      onLifecycle: (listener) => machine.onLifecycle(listener),
      [Symbol.asyncDispose]: async () => {},
    };
  }
}
