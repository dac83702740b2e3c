/** Gathers what clients saw, what nodes wrote down, and what ledgers have in the end. */
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { ActorRef } from '../../runtime/mod.ts';
import type { Deed } from '../support/cluster-settings.ts';
import type { ledger } from '../support/ledger.ts';
import { until } from '../support/until.ts';
import { type Clients, keyOf } from './clients.ts';
import { type Evidence, missing } from './verdict.ts';

type Ledger = ActorRef<typeof ledger>;

export interface EvidenceSources {
  readonly ledgers: readonly Ledger[];
  /** Nothing of theirs is under way. */
  readonly clients: Clients;
  /** File that the nodes write to. */
  readonly journal: string;
  /** How long what was acknowledged may take to be there. */
  readonly withinMs: number;
}

/** Resolves once the ledgers have all that was acknowledged; or when `withinMs` have passed, with what they have. */
export async function gather({ ledgers, clients, journal, withinMs }: EvidenceSources): Promise<Evidence> {
  const { given, seen } = clients;
  const deadline = performance.now() + withinMs;
  for (;;) {
    const applied = new Map(await Promise.all(ledgers.map((one) => numbersOf(one, withinMs))));
    if (missing(given, applied).length === 0 || performance.now() > deadline) {
      return { given, seen, deeds: await readDeeds(journal), applied };
    }
    await pause(250);
  }
}

async function numbersOf(one: Ledger, withinMs: number): Promise<readonly [string, readonly number[]]> {
  return [keyOf(one), await until(() => one.ask({ type: 'read' }), withinMs)];
}

async function readDeeds(journal: string): Promise<Deed[]> {
  const lines = (await readFile(journal, 'utf8')).split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}
