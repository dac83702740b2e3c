/** Submits a job over NATS, follows it, prints its output: `node examples/submit.ts NATS_URL [COMMAND]`. */
import { userInfo } from 'node:os';
import { JobClient } from '../actors/gateway/mod.ts';
import { connectNats, createMux } from '../runtime/mod.ts';

const [servers = 'nats://127.0.0.1:4222', command = 'echo hello; sleep 2'] = process.argv.slice(2);
await using transport = await connectNats({ servers, name: 'example' });
await using mux = createMux(transport);
const jobs = new JobClient(mux);

const { id } = await jobs.submit({
  application: 'example',
  user: userInfo().username,
  command,
  resources: { cores: 0.5, maxCores: 1, memoryMiB: 128, maxMemoryMiB: 256 },
});
for await (const progress of jobs.watch(id)) {
  if (progress.type === 'state') console.log(id, progress.job.state, progress.job.error?.message ?? '');
  if (progress.type === 'demand') {
    console.log(`  cpu ${progress.useCores.toFixed(2)} of ${progress.cores.toFixed(2)} cores`);
  }
}
process.stdout.write((await jobs.output(id)).text);
