/** Commands of tests, and a reader that keeps what it is handed. */
import {
  addressOf,
  type CommandLog,
  encodeEnvelope,
  type GridError,
  type ReadOptions,
  type TakenCommand,
} from '../../runtime/mod.ts';

/** To `job/KEY`; its id and its message's type are `text`. */
export function command(key: string, text: string) {
  const to = addressOf('job', key);
  return { id: text, to, data: encodeEnvelope({ v: 1, id: text, to, type: text, body: {}, mode: 'tell' }) };
}

export function textsOf(taken: readonly TakenCommand[]): string[] {
  return taken.map(({ id }) => id);
}

export async function collect(
  log: CommandLog,
  partition: number,
  options: Pick<ReadOptions, 'inFlight'> = {},
) {
  const collected = {
    taken: [] as TakenCommand[],
    reason: undefined as GridError | undefined,
    close: () => reader.close(),
  };
  const reader = await log.open(partition, {
    ...options,
    take: (one) => collected.taken.push(one),
    onEnd: (reason) => {
      collected.reason = reason;
    },
  });
  return collected;
}
