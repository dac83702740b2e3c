/** Requests that people and programs send to the runtime itself: checked, with the first thing wrong named. */
import type { z } from 'zod';
import { malformed } from './envelope.ts';
import { MalformedMessage } from './errors.ts';

/** Parses `body`, or throws {@link MalformedMessage} that names the field, an unknown one too. */
export function checked<Schema extends z.ZodObject>(
  schema: Schema,
  body: unknown,
  what: string,
): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue?.code !== 'unrecognized_keys') throw malformed(what, result.error);
  const field = [...issue.path, issue.keys[0] ?? ''].join('.');
  throw new MalformedMessage(`${what}: ${field} is not a known field`, {
    field,
    hint: `known are ${Object.keys(schema.shape).join(', ')}`,
  });
}
