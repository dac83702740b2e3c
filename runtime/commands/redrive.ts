/** Gives what was buried to its actor once more. */
import { parseAddress } from '../address.ts';
import type { CommandLog } from './port.ts';

/**
 * Appends the command of a dead letter again, then removes the letter; false when there is none of this sequence.
 * At least once: who dies between the two leaves the letter, and the id by which the log knows the second try.
 */
export async function redrive(log: CommandLog, seq: number): Promise<boolean> {
  const letter = await log.deadLetter(seq);
  if (letter === undefined) return false;
  const { to, data } = letter.command;
  await log.append({ id: `redrive-${seq}-${letter.lastAt}`, to: parseAddress(to).address, data });
  await log.removeDeadLetter(seq);
  return true;
}
