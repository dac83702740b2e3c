/** Durable commands on their way: into the log, and out of an envelope that a courier sent. */
import type { Address } from '../address.ts';
import type { ActorMessage, AnyActorDefinition, CommandPosition } from '../cell/mod.ts';
import type { Clock } from '../clock.ts';
import type { CommandLog } from '../commands/mod.ts';
import { type Envelope, encodeEnvelope, malformed } from '../envelope.ts';
import { Cancelled, InvalidDefinition, MalformedMessage } from '../errors.ts';
import { persevere } from '../persevere.ts';
import type { AskOptions } from './port.ts';

interface NewCommand {
  readonly id: string;
  readonly message: ActorMessage;
  readonly from: string;
  /** Given twice, it counts once. */
  readonly name?: string;
  readonly cause?: string;
}

/** Resolves when the log has it; tries again, as the same command, until the deadline. */
export async function giveCommand(
  log: CommandLog,
  definition: AnyActorDefinition,
  address: Address,
  { id, message, from, name, cause }: NewCommand,
  { deadlineMs = 5_000, signal }: AskOptions,
  clock: Clock,
): Promise<void> {
  if (definition.durability === 'volatile') {
    throw new InvalidDefinition(definition.kind, 'durability', 'durable, to be given durable commands');
  }
  const checked = definition.message.safeParse(message);
  if (!checked.success) throw malformed(`command to ${address}`, checked.error);
  if (name !== undefined && (name.length === 0 || name.length > 128)) {
    throw new MalformedMessage('command: name is malformed', { field: 'name', hint: '1 to 128 characters' });
  }
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
    ...(name !== undefined && { command: { name } }),
    ...(cause !== undefined && { cause }),
  };
  const data = encodeEnvelope(envelope);
  const ends = clock.now() + deadlineMs;
  const unique = name === undefined ? id : await digest(`${address} ${name}`);
  await persevere(() => log.append({ id: unique, to: address, data }), {
    clock,
    pauseMs: (n) => Math.min(500, 20 * 2 ** n),
    goesOn: () => clock.now() < ends,
    signal,
  });
}

/** SHA-256, in hexadecimal: names and addresses may be longer than ids. */
async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
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
