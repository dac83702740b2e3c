/** Gathers what comes in the same turn of the event loop, and hands it on in one piece. */
export interface Together<T> {
  add(item: T): void;
  /** Hands on at once what has been gathered, for what must come after it. */
  flush(): void;
}

export function together<T>(handOn: (items: readonly T[]) => void): Together<T> {
  let gathered: T[] = [];
  const flush = () => {
    const items = gathered;
    gathered = [];
    if (items.length > 0) handOn(items);
  };
  return {
    flush,
    add: (item) => {
      if (gathered.push(item) === 1) setImmediate(flush);
    },
  };
}
