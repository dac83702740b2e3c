/** Signatures: what koffi is told, which arguments are refused, and functions that a libvirt lacks. */
import koffi from 'koffi';
import { expect, test } from 'vitest';
import { declareLazily } from './declarations.ts';
import { BadArgument, LibvirtFunctionMissing } from './errors.ts';
import { checkArguments, parseSignature } from './signature.ts';

const signature = parseSignature('f', ['1.0.0', 'int', 'c: handle, xml: string, n: out int, size: uint']);

test('a signature is a C prototype', () => {
  expect(signature.prototype).toBe('int f(void *, str, _Inout_ int *, unsigned int)');
  expect(parseSignature('g', ['1.0.0', 'void', '']).prototype).toBe('void g()');
});

test.each([
  [[5, null, null, 0], 'c'],
  [[1n, 'a\0b', null, 0], 'xml'],
  [[1n, 1n, null, 0], 'xml'],
  [[1n, 'x', 1, 0], 'n'],
  [[1n, 'x', [0], -1], 'size'],
  [[1n, 'x', [0], 2 ** 32], 'size'],
  [[1n, 'x', [0], 0.5], 'size'],
  [[1n, 'x', [0], Number.NaN], 'size'],
  [[1n, 'x'], 'arguments'],
])('%o is refused for its %s', (args, argument) => {
  expect(() => checkArguments('f', signature, args)).toThrow(
    expect.objectContaining({ name: 'BadArgument', code: 'bad-argument', functionName: 'f', argument }),
  );
});

test('what fits is let through', () => {
  expect(() => checkArguments('f', signature, [null, null, null, 2 ** 32 - 1])).not.toThrow(BadArgument);
  expect(() => checkArguments('f', signature, [1n, 'x', new Int32Array(1), 0n])).not.toThrow(BadArgument);
});

test('a function is looked up at its first use, and one that is lacking names the version that has it', () => {
  const libc = koffi.load('libc.so.6');
  let lookedUp = 0;
  const target: { abs?: (n: number) => number; virNever?: unknown } = {};
  declareLazily(target, { abs: ['1.0.0', 'int', 'n: int'], virNever: ['99.1.0', 'int', ''] }, () => {
    lookedUp++;
    return libc;
  });
  expect(lookedUp).toBe(0);
  expect([target.abs?.(-3), target.abs?.(-4), lookedUp]).toEqual([3, 4, 1]);
  expect(() => target.virNever).toThrow(LibvirtFunctionMissing);
  expect(() => target.virNever).toThrow('virNever needs libvirt 99.1.0 or newer');
});
