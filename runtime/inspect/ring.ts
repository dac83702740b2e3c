/** What waits for a reader: the newest so many, and a count of those that had to go. */

/** What a reader takes, in the order it came; what was dropped is missing before it. */
export interface Taken<T> {
  readonly items: T[];
  readonly dropped: number;
  readonly oldestDropped: T | undefined;
}

export class Ring<T> {
  readonly #bound: number;
  #items: T[] = [];
  /** Where the oldest is, once the ring has gone round. */
  #first = 0;
  #dropped = 0;
  #oldestDropped: T | undefined;

  constructor(bound: number) {
    this.#bound = bound;
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /** In constant time, however full it is. */
  push(item: T): void {
    if (this.#items.length < this.#bound) {
      this.#items.push(item);
      return;
    }
    this.#oldestDropped ??= this.#items[this.#first];
    this.#items[this.#first] = item;
    this.#first = (this.#first + 1) % this.#bound;
    this.#dropped += 1;
  }

  /** The oldest, at most `most` of them. */
  take(most: number): Taken<T> {
    const inOrder = [...this.#items.slice(this.#first), ...this.#items.slice(0, this.#first)];
    const taken = {
      items: inOrder.slice(0, most),
      dropped: this.#dropped,
      oldestDropped: this.#oldestDropped,
    };
    this.#items = inOrder.slice(most);
    this.#first = 0;
    this.#dropped = 0;
    this.#oldestDropped = undefined;
    return taken;
  }
}
