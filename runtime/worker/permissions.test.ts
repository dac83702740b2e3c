/** Permissions as each runtime is told them. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { denoArguments, environmentOf, nodeArguments, webWorkerPermissions } from './permissions.ts';

const RUNTIME = fileURLToPath(new URL('../', import.meta.url));
const SOME = {
  net: ['127.0.0.1:4222', '[::1]:4222'],
  read: ['/models', new URL('file:///a%20b/')],
  ffi: ['/native'],
} as const;

describe('permissions', () => {
  test('are lists for a Web Worker, and false where there is nothing', () => {
    expect(webWorkerPermissions(SOME)).toEqual({
      net: ['127.0.0.1:4222', '[::1]:4222'],
      read: ['/models', '/a b/', RUNTIME],
      env: false,
      sys: false,
      ffi: ['/native'],
      write: false,
      run: false,
      import: false,
    });
    expect(webWorkerPermissions({})).toMatchObject({ net: false, read: [RUNTIME], ffi: false });
  });

  test('are flags for Deno, which splits at commas', () => {
    expect(denoArguments({ ...SOME, read: ['/a,b'], env: ['LANG', 'TZ'], sys: ['cpus'] })).toEqual([
      'run',
      '--quiet',
      '--no-prompt',
      '--no-remote',
      '--allow-net=127.0.0.1:4222,[::1]:4222',
      `--allow-read=/a,,b,${RUNTIME}`,
      '--allow-env=LANG,TZ',
      '--allow-sys=cpus',
      '--allow-ffi=/native',
    ]);
    expect(denoArguments(undefined)).toContain('--allow-all');
  });

  test('an empty list grants nothing, and not everything', () => {
    const none = { net: [], env: [], sys: [], ffi: [] };
    expect(denoArguments(none).filter((flag) => /^--allow-(?!read)/.test(flag))).toEqual([]);
    expect(nodeArguments(none)).toEqual(['--permission', `--allow-fs-read=${RUNTIME}`]);
  });

  test('are flags for Node, addons only when there is a native library', () => {
    expect(nodeArguments(SOME)).toEqual([
      '--permission',
      '--allow-fs-read=/models',
      '--allow-fs-read=/a b/',
      `--allow-fs-read=${RUNTIME}`,
      '--allow-addons',
      '--disable-warning=PERM0001',
    ]);
    expect(nodeArguments(undefined)).toEqual([]);
  });

  test('hide the variables of the environment that they do not name', () => {
    const own = { HOME: '/root', LANG: 'C', TOKEN: 'secret' };
    expect(environmentOf({ env: ['LANG', 'TZ'] }, own)).toEqual({ HOME: '/root', LANG: 'C' });
    expect(environmentOf(undefined, own)).toEqual(own);
  });
});
