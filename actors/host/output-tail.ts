/** The end of a job's output as far as it was read while the job ran: all there is once its guest cannot be asked. */
import type { GuestAgent } from './agent/mod.ts';

/** Read at a time, bytes: beyond that, older output is skipped, so that a chatty command does not fill the channel. */
const MOST = 64 * 1024;
const CHUNK = 32 * 1024;

export class OutputTail {
  readonly #kept: number;
  #output = new Uint8Array();
  #end = 0;

  /** Keeps at most `kept` bytes. */
  constructor(kept: number) {
    this.#kept = kept;
  }

  /** The newest bytes that were read, and how many the command had written by then. */
  get(): { readonly outputBytes: number; readonly output: Uint8Array } {
    return { outputBytes: this.#end, output: this.#output };
  }

  /** Reads what is new of the `total` bytes that the command has written. */
  async follow(agent: GuestAgent, total: number): Promise<void> {
    // Put back to an earlier state, the command has not written yet what was read after it.
    if (total < this.#end) [this.#output, this.#end] = [new Uint8Array(), 0];
    for (let at = Math.max(this.#end, total - MOST); at < total; at = this.#end) {
      const { offset, data } = await agent.output(at, Math.min(CHUNK, total - at));
      if (data.length === 0) return;
      // What does not join up with what is here takes its place.
      const before = offset === this.#end ? this.#output : new Uint8Array();
      const joined = new Uint8Array(before.length + data.length);
      joined.set(before);
      joined.set(data, before.length);
      this.#output = joined.subarray(Math.max(0, joined.length - this.#kept));
      this.#end = offset + data.length;
    }
  }
}
