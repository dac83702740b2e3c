/** `shadowgrid send`: a message to an actor, and its answer. */
import { defineCommand } from 'citty';
import { InvalidRequest } from '../../actors/job/mod.ts';
import { parseSeconds } from './arguments.ts';
import { connectGrid, connectionArgs } from './connect.ts';
import { printJson } from './print.ts';

export const send = defineCommand({
  meta: {
    name: 'send',
    description: "Send an actor a message, checked by the actor's schema; print its answer",
  },
  args: {
    ...connectionArgs,
    address: { type: 'positional', description: 'KIND/KEY, such as router/main', required: true },
    message: {
      type: 'positional',
      description: 'JSON with its type, such as {"type":"read"}',
      required: true,
    },
    durable: {
      type: 'boolean',
      description: 'as a durable command: stored first, then handled once, whatever dies meanwhile',
    },
    name: { type: 'string', description: 'of a durable command: given twice, it counts once' },
    timeout: { type: 'string', description: 'seconds to wait for the answer; default 5', valueHint: 'S' },
    json: { type: 'boolean', description: 'print JSON' },
  },
  run: async ({ args }) => {
    const message = parseMessage(args.message);
    const deadlineMs = parseSeconds('timeout', args.timeout);
    if (args.name !== undefined && !args.durable)
      throw new InvalidRequest('only durable commands have names', 'name', '--durable --name NAME');
    await using grid = await connectGrid(args, 'operator');
    const { node } = await grid.inspection.node();
    const options = {
      ...(deadlineMs !== undefined && { deadlineMs: Math.round(deadlineMs) }),
      ...(args.durable && { durable: args.name === undefined ? {} : { name: args.name } }),
    };
    const { answer, cut } = await grid.inspection.send(node, args.address, message, options);
    for (const { at, why } of args.json ? [] : cut)
      process.stderr.write(`not shown: ${at || 'all'} (${why})\n`);
    if (args.json) printJson({ address: args.address, ...(answer !== undefined && { answer }), cut });
    else if (args.durable) process.stdout.write('stored; a refusal shows in dead-letters\n');
    else if (answer === undefined) process.stdout.write('taken; it has no answer\n');
    else process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  },
});

function parseMessage(text: string): { readonly type: string } {
  const right = 'a JSON object with its type, such as {"type":"read"}';
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidRequest(`the message is not JSON: ${reason}`, 'message', right);
  }
  if (typeof message === 'object' && message !== null && 'type' in message) {
    const { type } = message;
    if (typeof type === 'string') return { ...message, type };
  }
  throw new InvalidRequest('the message has no type', 'message.type', right);
}
