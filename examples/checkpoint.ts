/** Takes a checkpoint of a running job's VM and puts it back there: `node examples/checkpoint.ts NATS_URL JOB`. */
import { VmClient } from '../actors/gateway/mod.ts';
import { connectNats, createMux } from '../runtime/mod.ts';

const [servers = 'nats://127.0.0.1:4222', job = ''] = process.argv.slice(2);
await using transport = await connectNats({ servers, name: 'example' });
await using mux = createMux(transport);
const vms = new VmClient(mux);

for (const task of [
  { kind: 'checkpoint', checkpoint: 'example' },
  { kind: 'roll-back', checkpoint: 'example' },
] as const) {
  for await (const event of vms.operate(job, task, { why: 'an example', deadlineMs: 60_000 })) {
    if (event.type === 'progress') console.log(`  ${event.progress.phase}`);
    if (event.type !== 'report') continue;
    const { outcome, error, tookMs } = event.report;
    console.log(`${task.kind}: ${outcome} in ${Math.round(tookMs)} ms`, error?.message ?? '');
  }
}
