/** `shadowgrid lab`: several libvirt hosts on this machine, for trials; they go without a trace. */
import { defineCommand } from 'citty';
import { InvalidRequest } from '../../actors/job/mod.ts';
import { type LabMode, labFolders, labStatus, removeLab, startLab } from '../lab/mod.ts';
import { parseNumber } from './arguments.ts';
import { printJson, table } from './print.ts';
import { untilSignal } from './signals.ts';

const ACTIONS = ['run', 'up', 'down', 'status'] as const;
const MODES = ['root', 'session'] as const;

export const lab = defineCommand({
  meta: {
    name: 'lab',
    description: 'Several libvirt hosts on this machine: until Ctrl-C, or with up until down',
  },
  args: {
    action: { type: 'positional', description: 'run (default), up, down or status', required: false },
    hosts: { type: 'string', description: 'how many; default 2', valueHint: 'N' },
    mode: {
      type: 'string',
      description: 'root: namespaces and limits; session: daemons of a user; default: root as root',
      valueHint: 'MODE',
    },
    cores: { type: 'string', description: 'of each host; default an equal share; mode root', valueHint: 'N' },
    memory: {
      type: 'string',
      description: 'of each host; default an equal share of 80 %; mode root',
      valueHint: 'MIB',
    },
    state: { type: 'string', description: 'state directory; default .shadowgrid/lab', valueHint: 'DIR' },
    json: { type: 'boolean', description: 'print JSON' },
  },
  run: async ({ args }) => {
    const action = oneOf('action', args.action ?? 'run', ACTIONS);
    const folders = labFolders(args.state);
    const json = args.json === true;
    if (action === 'status') return showStatus(folders, json);
    if (action === 'down') {
      const found = await removeLab(folders);
      if (json) printJson({ found });
      else say(found ? 'the lab is gone' : 'there was no lab');
      return;
    }
    const hosts = parseNumber('hosts', args.hosts);
    const cores = parseNumber('cores', args.cores);
    const memoryMiB = parseNumber('memory', args.memory);
    const ending = new AbortController();
    const ended = untilSignal().then(() => ending.abort());
    const started = await startLab({
      ...folders,
      keep: action === 'up',
      signal: ending.signal,
      onProgress: (line) => process.stderr.write(`${line}\n`),
      ...(hosts !== undefined && { hosts }),
      ...(args.mode !== undefined && { mode: oneOf<LabMode>('--mode', args.mode, MODES) }),
      ...(cores !== undefined && { cores }),
      ...(memoryMiB !== undefined && { memoryMiB }),
    }).catch((error: unknown) => {
      // Whoever asked for the end knows of it.
      if (!ending.signal.aborted) throw error;
    });
    if (started === undefined) return;
    await showStatus(folders, json);
    if (action === 'up') return;
    if (!json) say('runs until Ctrl-C');
    // To wait for a signal keeps no process alive.
    const awake = setInterval(() => {}, 2 ** 30);
    await ended;
    clearInterval(awake);
    await started.stop();
    if (!json) say('the lab is gone');
  },
});

type Folders = ReturnType<typeof labFolders>;

/** Exit status 1 if there is no lab, or a host of it does not answer. */
async function showStatus(folders: Folders, json: boolean): Promise<void> {
  const status = await labStatus(folders);
  if (!status?.hosts.every(({ answers }) => answers)) process.exitCode = 1;
  if (json) return printJson(status ?? { hosts: [] });
  if (status === undefined) return say('there is no lab');
  const { mode, limits, hosts, lives } = status;
  const held =
    limits === undefined
      ? 'not limited'
      : `at most ${limits.cores} ${limits.cores === 1 ? 'core' : 'cores'} and ${limits.memoryMiB} MiB each`;
  say(
    `${hosts.length === 1 ? '1 host' : `${hosts.length} hosts`}, mode ${mode}, ${held}${lives ? '' : '; left behind, the next start removes it'}`,
  );
  const rows = hosts.map(({ name, uri, answers, guests }) => [
    name,
    answers ? 'up' : 'down',
    guests.join(' ') || '-',
    uri,
  ]);
  say(table(['HOST', 'STATE', 'GUESTS', 'URI'], rows));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function oneOf<T extends string>(name: string, text: string, known: readonly T[]): T {
  const found = known.find((one) => one === text);
  if (found !== undefined) return found;
  throw new InvalidRequest(`${name} cannot be ${text}`, name, `one of ${known.join(', ')}`);
}
