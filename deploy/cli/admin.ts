/** Asks the admin API of the grid that runs in a state directory. */
import { RemoteError, type WireError } from '../../runtime/mod.ts';
import { findGrid, gridPaths, NoGrid } from '../local/mod.ts';

/** The answer to `GET path`; the API's own error as `RemoteError`. */
export async function askAdmin<T>(state: string | undefined, path: string): Promise<T> {
  const { record } = gridPaths(state);
  const { adminUrl } = await findGrid(record);
  if (adminUrl === undefined) throw new NoGrid(record);
  const response = await fetch(`${adminUrl}${path}`, { signal: AbortSignal.timeout(10_000) });
  const answer = await response.json();
  if (!response.ok) throw new RemoteError(answer as WireError);
  return answer as T;
}
