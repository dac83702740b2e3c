/** Reads what was typed: each error names the option. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { GuestImage } from '../../actors/host/mod.ts';
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

/** A time in seconds, as ms. */
export function parseSeconds(name: string, text: string | undefined): number | undefined {
  const seconds = parseNumber(name, text);
  if (seconds === undefined) return undefined;
  if (seconds <= 0 || seconds > 86_400) {
    throw new InvalidRequest(`--${name} ${text} is no time to wait`, `--${name}`, 'seconds, more than 0');
  }
  return seconds * 1000;
}

/** Each `--image NAME=KERNEL,INITRD` on a command line. */
export function parseImages(rawArgs: readonly string[]): GuestImage[] {
  const { values } = parseArgs({
    args: [...rawArgs],
    options: { image: { type: 'string', multiple: true } },
    strict: false,
    allowPositionals: true,
  });
  return (values.image ?? []).map((value) => {
    const [, name, kernel, initrd] = /^([^=]+)=([^,]+),([^,]+)$/.exec(String(value)) ?? [];
    if (name === undefined || kernel === undefined || initrd === undefined) {
      const right = 'NAME=KERNEL,INITRD, such as mine=/boot/vmlinuz,/boot/initrd';
      throw new InvalidRequest(`--image ${value} is not an image`, '--image', right);
    }
    return { name, kernel: resolve(kernel), initrd: resolve(initrd) };
  });
}

/** The options of a command, by name. */
export type OptionDefinitions = Readonly<Record<string, { readonly alias?: string | readonly string[] }>>;

/** An option that the command does not have is an error: a typing mistake must not start something else. */
export function refuseUnknownOptions(known: OptionDefinitions, argv: readonly string[]): void {
  const names = Object.keys(known);
  const aliases = Object.values(known).flatMap(({ alias = [] }) => alias);
  for (const word of argv) {
    const option = /^--?([A-Za-z][\w-]*)/.exec(word)?.[1];
    if (option === undefined || names.includes(option.replace(/^no-/, '')) || names.includes(option))
      continue;
    if (!word.startsWith('--') && aliases.includes(option)) continue;
    throw new InvalidRequest(
      `there is no option ${word.split('=')[0]}`,
      word.split('=')[0] ?? word,
      `one of ${names.map((name) => `--${name}`).join(', ')}`,
    );
  }
}
