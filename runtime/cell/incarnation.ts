/** One life of an actor, from its start or restart to the next: what runs for it is told by `signal` to end with it. */
export class Incarnation {
  #controller: AbortController | undefined;
  #ended = false;

  /** Made only when somebody asks for it, which most effects never do. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#ended) this.#controller.abort();
    return this.#controller.signal;
  }

  end(): void {
    this.#ended = true;
    this.#controller?.abort();
  }
}
