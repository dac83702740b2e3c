/** `node --expose-gc libvirt-soak.ts URI DOMAIN`: how much the process grows over 100,000 calls and 10,000 events. */
import { fileURLToPath } from 'node:url';
import { Connection, DomainStatsGroup } from '../../actors/host/libvirt/binding/mod.ts';

export interface Growth {
  readonly calls: number;
  readonly events: number;
  readonly callGrowthMiB: number;
  readonly eventGrowthMiB: number;
}

/** The program's path, for whoever starts it. */
export const SOAK = fileURLToPath(import.meta.url);

const CALLS = 100_000;
const WARM_CALLS = 20_000;
/** A suspension and a resumption tell one event each. */
const PAIRS = 5_000;
const WARM_PAIRS = 1_000;
const MIB = 1024 * 1024;

const [uri, name] = process.argv.slice(2);
if (process.argv[1] === SOAK && uri !== undefined && name !== undefined) {
  const growth = await soak(uri, name);
  process.stdout.write(`${JSON.stringify(growth)}\n`);
}

async function soak(uri: string, name: string): Promise<Growth> {
  await using connection = await Connection.open(uri);
  using domain = await connection.lookupByName(name);
  const call = async (index: number) => {
    if (index % 2 === 0) await domain.info();
    else await connection.getAllDomainStats(DomainStatsGroup.state);
  };
  for (let index = 0; index < WARM_CALLS; index++) await call(index);
  const beforeCalls = resident();
  for (let index = 0; index < CALLS; index++) await call(index);
  const callGrowthMiB = resident() - beforeCalls;

  let seen = 0;
  await connection.onLifecycle(() => seen++);
  const pairs = async (count: number) => {
    for (let index = 0; index < count; index++) {
      await domain.resume();
      await domain.suspend();
    }
  };
  if ((await domain.state()).state === 1) await domain.suspend();
  await pairs(WARM_PAIRS);
  const beforeEvents = resident();
  const seenBefore = seen;
  await pairs(PAIRS);
  const deadline = performance.now() + 10_000;
  while (seen - seenBefore < 2 * PAIRS && performance.now() < deadline) await domain.info();
  return {
    calls: CALLS,
    events: seen - seenBefore,
    callGrowthMiB,
    eventGrowthMiB: resident() - beforeEvents,
  };
}

/** MiB, after a collection. */
function resident(): number {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  return process.memoryUsage.rss() / MIB;
}
