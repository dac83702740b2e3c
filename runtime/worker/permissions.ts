/** What a sandboxed worker may do, and how each runtime is told. */
import { fileURLToPath } from 'node:url';

/**
 * What a worker may do; everything else is refused with `sandbox-denied`. Writing files and running programs cannot be
 * granted. Deno asks a person at a terminal before it refuses a thread, unless it was started with `--no-prompt`.
 */
export interface WorkerPermissions {
  /** `host:port` to connect to. Node 24 does not restrict the network. */
  readonly net?: readonly string[];
  /** Files and folders to read; the worker's own code must be among them. The runtime's is anyway. */
  readonly read?: readonly (string | URL)[];
  /** Names of environment variables. */
  readonly env?: readonly string[];
  /** Kinds of facts about the machine, as Deno names them: `hostname`, `cpus`. Node 24 does not restrict them. */
  readonly sys?: readonly string[];
  /** Folders of native libraries to load; what those do is not restricted. On Node any entry allows all that it may read. */
  readonly ffi?: readonly (string | URL)[];
}

/** `permissions` of Deno's Web Worker: lists, and false where there is nothing. */
export function webWorkerPermissions({ net, read, env, sys, ffi }: WorkerPermissions) {
  return {
    net: listed(net),
    read: paths(read, RUNTIME),
    env: listed(env),
    sys: listed(sys),
    ffi: listed(ffi && paths(ffi)),
    write: false,
    run: false,
    import: false,
  };
}

/** Arguments of `deno` before the program's; without permissions it may do everything. */
export function denoArguments(permissions: WorkerPermissions | undefined): string[] {
  if (permissions === undefined) return ['run', '--quiet', '--no-prompt', '--allow-all'];
  const { net, read, env, sys, ffi } = permissions;
  return [
    'run',
    '--quiet',
    '--no-prompt',
    '--no-remote',
    ...flags('--allow-net', net),
    ...flags('--allow-read', paths(read, RUNTIME)),
    ...flags('--allow-env', env),
    ...flags('--allow-sys', sys),
    ...flags('--allow-ffi', ffi && paths(ffi)),
  ];
}

/** Arguments of `node` before the program's. */
export function nodeArguments(permissions: WorkerPermissions | undefined): string[] {
  if (permissions === undefined) return [];
  return [
    '--permission',
    ...paths(permissions.read, RUNTIME).map((path) => `--allow-fs-read=${path}`),
    // Node warns that addons are not restricted; whoever grants them has read so.
    ...((permissions.ffi?.length ?? 0) > 0 ? ['--allow-addons', '--disable-warning=PERM0001'] : []),
  ];
}

/** Of a process with these permissions: only what it may read, and where Deno keeps compiled code. */
export function environmentOf(
  permissions: WorkerPermissions | undefined,
  own: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  if (permissions === undefined) return own;
  const names = ['HOME', 'XDG_CACHE_HOME', 'DENO_DIR', ...(permissions.env ?? [])];
  return Object.fromEntries(names.filter((name) => own[name] !== undefined).map((name) => [name, own[name]]));
}

/** The entry of a sandboxed worker and all that it imports. */
const RUNTIME = new URL('../', import.meta.url);

function paths(given: readonly (string | URL)[] = [], ...more: URL[]): string[] {
  return [...given, ...more].map((place) =>
    String(place).startsWith('file:') ? fileURLToPath(place) : String(place),
  );
}

const listed = (list: readonly string[] | undefined) =>
  list === undefined || list.length === 0 ? false : [...list];
/** Deno separates the values of one flag by commas; a comma in a value is written twice. */
const flags = (flag: string, values: readonly string[] | undefined) =>
  values === undefined || values.length === 0
    ? []
    : [`${flag}=${values.map((value) => value.replaceAll(',', ',,')).join(',')}`];
