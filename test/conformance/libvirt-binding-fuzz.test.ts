/** Hostile input to the libvirt binding: every method answers or throws an error with a code, and the process lives. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  BadArgument,
  Connection,
  type Domain,
  LibvirtError,
  LibvirtFunctionMissing,
  loadLibvirt,
} from '../../actors/host/libvirt/binding/mod.ts';
import { bindingMissing } from './libvirt-binding-missing.ts';

const missing = bindingMissing();
/** Those that write files wherever they are told to, that end the test's own subject, and what is not for callers. */
const WRITERS = ['save', 'saveParams', 'coreDump', 'saveImageDefineXML', 'nodeAllocPages', 'undefine'];
const SPARED = new Set([
  ...WRITERS,
  ...['constructor', 'close', 'migrate3', 'live', 'readParameters', 'withParameters', 'takeParameters'],
]);

const hostile = fc.oneof(
  fc.constantFrom(
    undefined,
    null,
    true,
    Number.NaN,
    -1,
    0,
    1.5,
    2 ** 32,
    2 ** 64,
    Infinity,
    '',
    'a\0b',
    '\0',
    '../../etc/passwd',
    "<domain type='test'",
    '💥'.repeat(200),
    {},
    [],
    ['a\0b'],
    [1, -1],
    [{ name: 'x', type: 'int', value: 2 ** 40 }],
    [{ name: 'x\0y', type: 'string', value: 'z' }],
    [{ name: 'x', type: 'nonsense', value: 1 }],
    [null],
    1n,
    2n ** 70n,
    -1n,
    () => 1,
    Symbol('s'),
    new Uint8Array(3),
  ),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.integer(),
);

describe.skipIf(missing !== undefined)('libvirt binding: hostile input', () => {
  let connection: Connection;
  let domain: Domain;
  beforeAll(async () => {
    connection = await Connection.open('test:///default');
    domain = await connection.defineXML(
      "<domain type='test'><name>fuzz</name><memory>65536</memory><os><type>hvm</type></os></domain>",
    );
  });
  afterAll(() => connection.close());

  test('domains', { timeout: 60_000 }, async () => {
    const running = async () => {
      if (!(await domain.isActive())) await domain.create();
      return domain;
    };
    await fuzz(running, methodsOf(domain));
    expect(await running()).toBe(domain);
  });

  test('connections', { timeout: 60_000 }, async () => {
    await fuzz(async () => connection, methodsOf(connection));
    expect(await connection.hostname()).not.toBe('');
  });

  test('what writes files refuses a path with a NUL byte, and what is no path', async () => {
    for (const path of ['/nonexistent/a\0b', 5, 5n, {}, [], Symbol('s'), new Uint8Array(3)]) {
      await expectTyped(() => call(domain, 'save', [path]), true);
      await expectTyped(() => call(domain, 'coreDump', [path]), true);
      await expectTyped(() => call(connection, 'saveImageDefineXML', [path, '<domain/>']), true);
    }
    await expect(domain.save('/nonexistent/file')).rejects.toBeInstanceOf(LibvirtError);
  });

  test('every function of the table is declared, or says which libvirt has it', () => {
    const native = loadLibvirt();
    for (const name of Object.keys(native) as (keyof typeof native)[]) {
      try {
        expect(native[name]).toBeDefined();
      } catch (error) {
        expect(error).toBeInstanceOf(LibvirtFunctionMissing);
      }
    }
  });

  test('freed handles and closed connections', async () => {
    const other = await Connection.open('test:///default');
    const freed = await other.lookupByName('test');
    freed[Symbol.dispose]();
    await expectTyped(() => other.getDomainStats([freed]));
    for (const method of methodsOf(freed)) await expectTyped(() => call(freed, method, []), true);
    const kept = await other.lookupByName('test');
    await other.close();
    for (const method of methodsOf(kept)) await expectTyped(() => call(kept, method, []), true);
    for (const method of methodsOf(other)) await expectTyped(() => call(other, method, []));
    await expectTyped(() => other.on('lifecycle', () => {}), true);
  });

  test('NUL bytes are refused by name, before anything is called', async () => {
    await expect(connection.lookupByName('test\0x')).rejects.toMatchObject({
      code: 'bad-argument',
      functionName: 'virDomainLookupByName',
      argument: 'name',
    });
    await expect(Connection.open('test:///default\0')).rejects.toBeInstanceOf(BadArgument);
    await expect(domain.setMemory(Number.NaN)).rejects.toMatchObject({ argument: 'memory' });
    await expect(domain.setVcpus(1.5)).rejects.toThrow("an integer that fits C's unsigned int, not 1.5");
    await expect(domain.pinVcpu(0, [-1])).rejects.toBeInstanceOf(BadArgument);
    await expect(domain.memoryPeek(0, -1)).rejects.toBeInstanceOf(BadArgument);
  });
});

type Method = string;

function methodsOf(subject: object): Method[] {
  const names = new Set<string>();
  for (let at = Object.getPrototypeOf(subject); at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value === 'function' && !SPARED.has(name)) names.add(name);
    }
  }
  return [...names];
}

async function fuzz(subject: () => Promise<object>, methods: readonly Method[]): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...methods),
      fc.array(hostile, { maxLength: 5 }),
      async (method, args) => {
        const on = await subject();
        await expectTyped(() => call(on, method, args));
      },
    ),
    { numRuns: 1500 },
  );
}

async function call(subject: object, method: Method, args: readonly unknown[]): Promise<unknown> {
  return (subject as Record<Method, (...args: readonly unknown[]) => unknown>)[method]!(...args);
}

/** TypeScript rules out what is not even of the shape; JavaScript's own error for it is typed enough. */
async function expectTyped(run: () => Promise<unknown>, mustFail = false): Promise<void> {
  try {
    await run();
  } catch (error) {
    const typed =
      error instanceof LibvirtError ||
      error instanceof BadArgument ||
      error instanceof LibvirtFunctionMissing ||
      error instanceof TypeError;
    if (!typed) throw error;
    return;
  }
  if (mustFail) throw new Error('resolved instead of failing');
}
