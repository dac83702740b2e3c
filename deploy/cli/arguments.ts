/** Reads what was typed: numbers with their names in the error. */
import { InvalidRequest } from '../../actors/job/mod.ts';

/** A number, or {@link InvalidRequest} naming the option. */
export function parseNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw new InvalidRequest(`--${name} ${text} is not a number`, `--${name}`, 'a number such as 2 or 0.5');
  }
  return value;
}

export function parsePort(name: string, text: string | undefined): number | undefined {
  const port = parseNumber(name, text);
  if (port !== undefined && (!Number.isInteger(port) || port < 0 || port > 65_535)) {
    throw new InvalidRequest(`--${name} ${text} is not a port`, `--${name}`, '0 to 65535');
  }
  return port;
}
