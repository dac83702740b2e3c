/** `shadowgrid record`: records the demand of real guests, for training forecasters. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineCommand } from 'citty';
import { writeRecordings } from '../../models/mod.ts';
import { connectNats } from '../../runtime/mod.ts';
import { startLocalGrid } from '../local/mod.ts';
import { recordDemand } from '../trial/mod.ts';
import { parseNumber } from './arguments.ts';

export const record = defineCommand({
  meta: {
    name: 'record',
    description: 'Record the demand of real guests under varied work, to train forecasters on',
  },
  args: {
    out: {
      type: 'string',
      required: true,
      description: 'file to write, ending in .f32.gz',
      valueHint: 'FILE',
    },
    seconds: { type: 'string', description: 'per workload; default 75' },
  },
  run: async ({ args }) => {
    const say = (line: string) => process.stdout.write(`${line}\n`);
    const seconds = parseNumber('seconds', args.seconds) ?? 75;
    const state = await mkdtemp(join(tmpdir(), 'shadowgrid-record-'));
    const local = await startLocalGrid({ state, onProgress: say, onWarn: say });
    try {
      const transport = await connectNats({ servers: local.natsUrl, name: 'shadowgrid-record' });
      const recordings = await recordDemand({ transport, seconds, onProgress: say });
      await transport.close();
      await writeRecordings(args.out, recordings);
      say(`${recordings.length} series written to ${args.out}`);
    } finally {
      await local.stop();
      await rm(state, { recursive: true, force: true });
    }
  },
});
