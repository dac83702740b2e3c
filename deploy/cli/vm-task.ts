/** What was typed after `shadowgrid vm JOB`, as a task for the VM's host. Pure. */
import type { Task } from '../../actors/host/mod.ts';
import { InvalidRequest } from '../../actors/job/mod.ts';
import { parseNumber } from './arguments.ts';

/** Values of options by name, as typed. */
export type Typed = Readonly<Record<string, unknown>>;

interface Action {
  /** What stands behind the action's name. */
  readonly usage: string;
  readonly task: (subject: string | undefined, typed: Typed) => Task;
}

/** By what people type. */
export const ACTIONS = {
  checkpoint: {
    usage: '[ID] [--keep N]',
    task: (id, typed) => ({
      kind: 'checkpoint',
      ...(id !== undefined && { checkpoint: id }),
      ...given({ keep: number('keep', typed) }),
    }),
  },
  verify: {
    usage: 'CHECKPOINT',
    task: (id) => ({ kind: 'verify-checkpoint', checkpoint: needed(id, 'a checkpoint') }),
  },
  rollback: {
    usage: 'CHECKPOINT',
    task: (id) => ({ kind: 'roll-back', checkpoint: needed(id, 'a checkpoint') }),
  },
  remove: {
    usage: 'CHECKPOINT',
    task: (id) => ({ kind: 'remove-checkpoint', checkpoint: needed(id, 'a checkpoint') }),
  },
  warm: {
    usage: '--vcpus N --memory MIB',
    task: (_, typed) => ({
      kind: 'warm',
      vcpus: needed(number('vcpus', typed), '--vcpus'),
      memoryMiB: needed(number('memory', typed), '--memory'),
    }),
  },
  activate: { usage: '', task: () => ({ kind: 'activate' }) },
  cool: { usage: '', task: () => ({ kind: 'cool' }) },
  'limit-disk': {
    usage: 'DISK [--read-mbps N] [--write-mbps N] [--read-iops N] [--write-iops N]',
    task: (disk, typed) => ({
      kind: 'limit-disk',
      disk: needed(disk, 'a disk, such as vda'),
      ...given({
        readMBps: number('read-mbps', typed),
        writeMBps: number('write-mbps', typed),
        readIops: number('read-iops', typed),
        writeIops: number('write-iops', typed),
      }),
    }),
  },
  'limit-network': {
    usage: '[--in-mbps N] [--out-mbps N]',
    task: (_, typed) => ({
      kind: 'limit-network',
      ...given({ inboundMbps: number('in-mbps', typed), outboundMbps: number('out-mbps', typed) }),
    }),
  },
  migrate: {
    usage: 'HOST [--downtime MS] [--post-copy] [--cold never|fallback|only]',
    task: (to, typed) => ({
      kind: 'migrate',
      to: needed(to, 'a host'),
      ...given({
        downtimeMs: number('downtime', typed),
        postCopy: typed['post-copy'] === true ? true : undefined,
        cold: cold(typed.cold),
      }),
    }),
  },
} as const satisfies Readonly<Record<string, Action>>;

/** Throws `InvalidRequest` naming what is missing or wrong. */
export function taskOf(action: string, subject: string | undefined, typed: Typed): Task {
  if (!Object.hasOwn(ACTIONS, action)) {
    const known = [...Object.keys(ACTIONS), 'checkpoints', 'operations', 'cancel'].join(', ');
    throw new InvalidRequest(`${action} is nothing to do to a VM`, 'ACTION', `one of ${known}`);
  }
  return ACTIONS[action as keyof typeof ACTIONS].task(subject, typed);
}

const number = (name: string, typed: Typed) => parseNumber(name, typed[name] as string | undefined);

function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new InvalidRequest(`${what} is missing`, what, 'see shadowgrid vm --help');
  return value;
}

const COLD = ['never', 'fallback', 'only'] as const;

function cold(typed: unknown): (typeof COLD)[number] | undefined {
  if (typed === undefined) return undefined;
  const found = COLD.find((one) => one === typed);
  if (found === undefined)
    throw new InvalidRequest(`--cold ${typed} is unknown`, '--cold', `one of ${COLD.join(', ')}`);
  return found;
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}
