/** Durable commands on their way: into the log, and out of an envelope that a courier sent. */
import { createHash } from 'node:crypto';
import type { Address } from '../address.ts';
import type { ActorMessage, AnyActorDefinition, CommandPosition } from '../cell/mod.ts';
import type { Clock } from '../clock.ts';
import type { CommandLog } from '../commands/mod.ts';
import { type Envelope, encodeEnvelope, malformed } from '../envelope.ts';
import { Cancelled, InvalidDefinition, MalformedMessage } from '../errors.ts';
import { persevere } from '../persevere.ts';
import { placeOf } from '../place.ts';
import type { CommandOptions } from './port.ts';

interface NewCommand {
  readonly id: string;
  readonly message: ActorMessage;
  readonly from: string;
  /** Given twice, it counts once. */
  readonly name?: string;
  readonly cause?: string;
  readonly trace?: string;
}

/** Resolves when the log has it; tries again, as the same command, until the deadline. */
export async function giveCommand(
  log: CommandLog,
  definition: AnyActorDefinition,
  address: Address,
  { id, message, from, name, cause, trace }: NewCommand,
  { deadlineMs = 5_000, signal, at, afterMs }: Omit<CommandOptions, 'name'>,
  clock: Clock,
): Promise<void> {
  if (definition.durability === 'volatile') {
    throw new InvalidDefinition(definition.kind, 'durability', 'durable, to be given durable commands');
  }
  const checked = definition.message.safeParse(message);
  if (!checked.success) throw malformed(`command to ${address}`, checked.error);
  if (name !== undefined) checkName(name);
  const due = dueAt(at, afterMs, clock.now());
  if (signal?.aborted) throw new Cancelled(`command to ${address}`, signal.reason);
  const { type, ...body } = message;
  const envelope: Envelope = {
    v: 1,
    id,
    to: address,
    from,
    type,
    body,
    mode: 'command',
    place: placeOf(definition.placement, address).token,
    // What waits may be stored a second time long after the first, which only the actor can tell then.
    ...((name !== undefined || due !== undefined) && { command: { name: name ?? id } }),
    ...(cause !== undefined && { cause }),
    ...(trace !== undefined && { trace }),
  };
  const data = encodeEnvelope(envelope);
  const ends = clock.now() + deadlineMs;
  const unique = name === undefined ? id : idOf(address, name);
  const command = { id: unique, to: address, data, ...(due !== undefined && { at: due }) };
  await persevere(() => log.append(command), {
    clock,
    pauseMs: (n) => Math.min(500, 20 * 2 ** n),
    goesOn: () => clock.now() < ends,
    signal,
  });
}

/** True if the command of this name still waited for its time. */
export function takeBackCommand(log: CommandLog, address: Address, name: string): Promise<boolean> {
  checkName(name);
  return log.cancel({ id: idOf(address, name), to: address });
}

function checkName(name: string): void {
  if (name.length > 0 && name.length <= 128) return;
  throw new MalformedMessage('command: name is malformed', { field: 'name', hint: '1 to 128 characters' });
}

const TEN_YEARS_MS = 10 * 365.25 * 24 * 3_600_000;

/** Whole ms since the epoch; undefined: at once. */
function dueAt(at: number | undefined, afterMs: number | undefined, now: number): number | undefined {
  if (at === undefined && afterMs === undefined) return undefined;
  if (at !== undefined && afterMs !== undefined) {
    const hint = 'at or afterMs, not both';
    throw new MalformedMessage('command: it has two times', { field: 'afterMs', hint });
  }
  const due = at ?? now + (afterMs ?? 0);
  if (Math.abs(due - now) <= TEN_YEARS_MS) return Math.ceil(due);
  const [field, hint] =
    at === undefined
      ? ['afterMs', 'milliseconds from now, at most ten years']
      : ['at', 'milliseconds since the epoch, at most ten years from now'];
  throw new MalformedMessage(`command: ${field} is out of range`, { field, hint });
}

/** SHA-256, in hexadecimal: names and addresses may be longer than ids. Takes no time, so that simulations know when it is. */
function idOf(address: Address, name: string): string {
  return createHash('sha256').update(`${address} ${name}`).digest('hex');
}

/** Throws {@link MalformedMessage}. */
export function positionOf({ id, command }: Envelope): CommandPosition {
  const { log, seq, name } = command ?? {};
  if (log === undefined || seq === undefined) {
    throw new MalformedMessage(`envelope: command ${id} does not say where it stands`, {
      field: 'command.seq',
      hint: 'commands come from their log, by a courier',
    });
  }
  return { log, seq, name };
}
