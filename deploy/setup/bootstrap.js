/**
 * The first thing that runs on a fresh machine: brings node_modules in, then hands over to the Node 24 inside it.
 * Plain JavaScript for Node 18 and newer, without any package.
 *
 * usage: node deploy/setup/bootstrap.js shadowgrid|demo|lab|test|bench|chaos|check [arguments]
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const BIN = join(ROOT, 'node_modules', '.bin');
const MARKER = join(ROOT, 'node_modules', '.shadowgrid-lock');
const ROOMS = ['runtime', 'models', 'actors', 'deploy', 'test', 'examples'];

// With few cores the collector's helper threads stand in line behind guests and nats-server, and every pause waits for them.
const NODE_FLAGS = availableParallelism() < 4 ? ['--single-threaded-gc'] : [];

const COMMANDS = {
  shadowgrid: (args) => ['node', [...NODE_FLAGS, join(ROOT, 'deploy/cli/main.ts'), ...args]],
  demo: (args) => ['node', [...NODE_FLAGS, join(ROOT, 'deploy/cli/main.ts'), 'demo', ...args]],
  lab: (args) => ['node', [join(ROOT, 'deploy/cli/main.ts'), 'lab', ...args]],
  test: (args) => ['node', [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...args]],
  bench: (args) => ['node', [...NODE_FLAGS, join(ROOT, 'test/bench/main.ts'), ...args]],
  chaos: (args) => ['node', [join(ROOT, 'test/chaos/main.ts'), ...args]],
};

const CHECKS = [
  ['types (tsc)', 'tsc', ['-p', 'tsconfig.json']],
  ['types (deno)', 'deno', ['check', '--quiet', ...ROOMS]],
  ['style (biome)', 'biome', ['ci', '.']],
  ['unused code (knip)', 'knip', []],
  ['arrows (dependency-cruiser)', 'depcruise', ['--config', '.dependency-cruiser.cjs', ...ROOMS]],
];

const environment = {
  ...process.env,
  PATH: `${BIN}${delimiter}${process.env.PATH ?? ''}`,
  // Read once at process start; libvirt calls block a thread each.
  UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? '16',
};

process.exitCode = await main(process.argv.slice(2));

async function main([command, ...args]) {
  if (command !== 'check' && !Object.hasOwn(COMMANDS, command ?? '')) {
    return fail(`the commands are ${[...Object.keys(COMMANDS), 'check'].join(', ')}`);
  }
  const failure = await installModules();
  if (failure !== undefined) return fail(failure);
  if (command === 'check') return check();
  const [program, programArgs] = COMMANDS[command](args);
  return run(join(BIN, program), programArgs, process.cwd());
}

function fail(message) {
  process.stderr.write(`shadowgrid: ${message}\n`);
  return 1;
}

/** Brings node_modules to what package-lock.json says. Returns what went wrong, if anything. */
async function installModules() {
  const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
  const hash = createHash('sha256').update(lock).digest('hex');
  if (readIfThere(MARKER) !== hash) {
    const failure = holdsWhatLockSays(lock) ? undefined : await runNpm();
    if (failure !== undefined) return failure;
    writeFileSync(MARKER, hash);
  }
  if (existsSync(join(BIN, 'node'))) return undefined;
  return 'Node 24 is missing from node_modules (were install scripts turned off?): run npm rebuild node';
}

async function runNpm() {
  process.stderr.write('shadowgrid: installing npm packages (once, about half a minute)\n');
  // A registry that serves packages of its own platform only makes `npm ci` refuse any lock file that names others.
  const attempts = [['ci'], ['install', '--no-save']];
  let said = '';
  for (const args of attempts) {
    const result = await npm([...args, '--no-audit', '--no-fund', '--loglevel=error']);
    if (result.status === 0) return undefined;
    if (result.status === 127)
      return 'npm is not installed: install Node.js 20 or newer with npm, then run this again';
    said += result.said;
  }
  process.stderr.write(said);
  return 'npm could install the packages neither by npm ci nor by npm install: see above, then run this again';
}

/** Exit status (127: no npm) and what npm complained about. */
function npm(args) {
  // onnxruntime-node's CPU build is inside its package; its install script would fetch GPU builds.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  return new Promise((resolve) => {
    const child = spawn('npm', args, { cwd: ROOT, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    child.on('error', () => resolve({ status: 127, said }));
    child.on('close', (status) => resolve({ status: status ?? 1, said }));
  });
}

/** True when somebody ran npm here before: npm's own record of node_modules agrees with the lock. */
function holdsWhatLockSays(lock) {
  const record = readIfThere(join(ROOT, 'node_modules', '.package-lock.json'));
  if (record === undefined || !existsSync(join(BIN, 'node'))) return false;
  const there = JSON.parse(record).packages;
  return Object.entries(JSON.parse(lock).packages).every(
    ([path, wanted]) =>
      path === '' ||
      wanted.optional === true ||
      wanted.peer === true ||
      there[path]?.version === wanted.version,
  );
}

function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** Runs every check, whatever the ones before it said. */
async function check() {
  const failed = [];
  for (const [name, program, args] of CHECKS) {
    process.stdout.write(`--- ${name}\n`);
    if ((await run(join(BIN, program), args, ROOT)) !== 0) failed.push(name);
  }
  process.stdout.write(failed.length === 0 ? 'all checks passed\n' : `FAILED: ${failed.join(', ')}\n`);
  return failed.length === 0 ? 0 : 1;
}

/** Exit status of the program; 128 + signal if a signal ended it, 127 if it is not there. */
function run(program, args, cwd) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env: environment, stdio: 'inherit' });
    // A terminal's Ctrl-C reaches the child by itself; it must not arrive twice.
    const forwarded = ['SIGTERM', 'SIGHUP', 'SIGINT'];
    const forward = (signal) => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    for (const signal of forwarded) process.on(signal, forward);
    const end = (status) => {
      for (const signal of forwarded) process.off(signal, forward);
      resolve(status);
    };
    child.on('error', () => end(127));
    child.on('close', (status, signal) => end(status ?? 128 + (constants.signals[signal] ?? 0)));
  });
}
