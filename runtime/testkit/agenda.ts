/** What is to happen at which virtual time: a binary heap, in order of time, then of entry. */

export interface Entry {
  /** Virtual milliseconds since the start. */
  readonly at: number;
  readonly order: number;
  /** Undefined once cancelled. */
  run: (() => void) | undefined;
}

/** Cancelled entries that are carried along before the heap is made anew. */
const MAX_CANCELLED = 512;

export class Agenda {
  #heap: Entry[] = [];
  #order = 0;
  #cancelled = 0;

  add(at: number, run: () => void): Entry {
    const entry: Entry = { at, order: this.#order++, run };
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    return entry;
  }

  cancel(entry: Entry): void {
    if (entry.run === undefined) return;
    entry.run = undefined;
    this.#cancelled += 1;
    if (this.#cancelled > MAX_CANCELLED && this.#cancelled * 2 > this.#heap.length) this.#sweep();
  }

  /** The time of the next entry; infinity when there is none. */
  nextAt(): number {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return Number.POSITIVE_INFINITY;
      if (first.run !== undefined) return first.at;
      this.#remove();
      this.#cancelled -= 1;
    }
  }

  /** Takes out what {@link nextAt} told of. */
  take(): () => void {
    const entry = this.#remove();
    const { run } = entry;
    // To cancel what has run is no cancellation.
    entry.run = undefined;
    return run as () => void;
  }

  #remove(): Entry {
    const heap = this.#heap;
    const first = heap[0] as Entry;
    const last = heap.pop() as Entry;
    if (heap.length > 0) {
      heap[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #sweep(): void {
    this.#heap = this.#heap.filter(({ run }) => run !== undefined).sort((a, b) => (precedes(a, b) ? -1 : 1));
    this.#cancelled = 0;
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const entry = heap[from] as Entry;
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Entry;
      if (!precedes(entry, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = entry;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const entry = heap[from] as Entry;
    let index = from;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && precedes(heap[below + 1] as Entry, heap[below] as Entry)) below += 1;
      const child = heap[below] as Entry;
      if (!precedes(child, entry)) break;
      heap[index] = child;
      index = below;
    }
    heap[index] = entry;
  }
}

function precedes(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
