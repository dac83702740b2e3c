/** State values of XState, as paths and as text. */

/** `running`, or `running.{io.idle, cpu.busy}` as `running.io.idle, running.cpu.busy`; empty where there is none. */
export function stateText(value: unknown): string {
  return leaves(value, '').join(', ');
}

/** All states that are active, outer ones included. */
export function currentPaths(value: unknown): ReadonlySet<string> {
  const paths = leaves(value, '').flatMap((leaf) => {
    const keys = leaf.split('.');
    return keys.map((_, i) => keys.slice(0, i + 1).join('.'));
  });
  return new Set(paths);
}

function leaves(value: unknown, outer: string): string[] {
  const within = (key: string) => (outer === '' ? key : `${outer}.${key}`);
  if (typeof value === 'string') return [within(value)];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const deeper = leaves(inner, within(key));
    return deeper.length > 0 ? deeper : [within(key)];
  });
}
