/** What this host has under way between itself and another: a file per domain, so that a later process can settle it. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const schema = z.object({
  /** Of the domain that moves: another one may have its name. */
  uuid: z.string(),
  /** URI of the target. */
  target: z.string(),
  /** Memory image of a cold migration: whoever finds neither side running restores it. */
  image: z.string().optional(),
  /** XML to restore it with, here. */
  xml: z.string().optional(),
  /** Files made at the target for it, which it has if it is there. */
  made: z.array(z.string()),
  /** Sockets that nobody needs when it is over. */
  sockets: z.array(z.string()),
});

export type Departure = z.infer<typeof schema>;

export class Departures {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async write(domain: string, departure: Departure): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const path = this.#path(domain);
    await writeFile(`${path}.new`, JSON.stringify(departure), { mode: 0o600, flush: true });
    await rename(`${path}.new`, path);
  }

  /** Undefined if there is none. */
  async read(domain: string): Promise<Departure | undefined> {
    const text = await readFile(this.#path(domain), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : schema.parse(JSON.parse(text));
  }

  async remove(domain: string): Promise<void> {
    await rm(this.#path(domain), { force: true });
  }

  #path(domain: string): string {
    return join(this.#folder, `${domain}.json`);
  }
}
