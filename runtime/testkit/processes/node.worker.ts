/** The program of a node's process: runs the module that it is told to, and answers the harness. */
import { createInterface } from 'node:readline';
import { parseAddress } from '../../address.ts';
import type { NodeArguments, NodeProgram, RunningNode } from './program.ts';
import { type FromNode, type NodeStatus, type ToNode, toLine } from './protocol.ts';

const [module = '', given = ''] = process.argv.slice(2);
const say = (said: FromNode) => process.stdout.write(toLine(said));
const lines = createInterface({ input: process.stdin });
// Whoever started it is gone.
lines.on('close', () => process.exit(1));

const { start }: { start: NodeProgram } = await import(module);
const running = await start(JSON.parse(given) as NodeArguments);
say({ id: 0, value: null });

lines.on('line', async (line) => {
  const asked: ToNode = JSON.parse(line);
  try {
    say({ id: asked.id, value: await answer(running, asked) });
  } catch (error) {
    say({ id: asked.id, error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
  }
  if (asked.op === 'stop') process.stdout.end(() => process.exit(0));
});

async function answer({ system, close, calls }: RunningNode, asked: ToNode): Promise<unknown> {
  switch (asked.op) {
    case 'status':
      return { settled: system.settled, members: system.members } satisfies NodeStatus;
    case 'owns': {
      const { kind, key } = parseAddress(asked.address);
      const definition = system.definitions().find((known) => known.kind === kind);
      return definition !== undefined && system.owns(definition, key);
    }
    case 'call': {
      const call = calls?.[asked.name];
      if (call === undefined) throw new TypeError(`${module} has no call ${asked.name}`);
      return await call(asked.input);
    }
    case 'stop':
      await system.stop();
      await close?.();
  }
}
