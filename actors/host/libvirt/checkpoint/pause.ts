/** How long the guest stood still, from what libvirt tells of it. */
import type { LifecycleFeed } from '../lifecycle-feed.ts';

/** How long the word that it runs on may lag behind the call's answer. */
const LAG_MS = 200;

export class PauseMeter implements Disposable {
  readonly #end: () => void;
  readonly #resumed = Promise.withResolvers<void>();
  #pausedAt: number | undefined;
  #pausedMs: number | undefined;

  constructor(feed: LifecycleFeed, name: string) {
    this.#end = feed.listen(({ domain, event }) => {
      if (domain !== name) return;
      if (event === 'paused') this.#pausedAt ??= performance.now();
      if (event !== 'resumed' || this.#pausedAt === undefined) return;
      this.#pausedMs = (this.#pausedMs ?? 0) + performance.now() - this.#pausedAt;
      this.#pausedAt = undefined;
      this.#resumed.resolve();
    });
  }

  /** Milliseconds; `otherwise` where libvirt told nothing. */
  async read(otherwise: number): Promise<number> {
    if (this.#pausedMs === undefined) {
      const timer = setTimeout(this.#resumed.resolve, LAG_MS);
      await this.#resumed.promise;
      clearTimeout(timer);
    }
    return this.#pausedMs ?? otherwise;
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}
