/** Arguments of the command line: what is known passes in every form, what is not is named. */
import { describe, expect, test } from 'vitest';
import { parsePort, refuseUnknownOptions } from './arguments.ts';

describe('options', () => {
  const known = { simulated: {}, file: { alias: 'f' }, 'nats-port': {} };

  test('that are known pass, in every form', () => {
    const argv = ['--simulated', '--no-simulated', '-f', 'x', '--nats-port=1', '--file', '-', 'word', '-1'];
    expect(() => refuseUnknownOptions(known, argv)).not.toThrow();
  });

  test.each(['--simulatd', '-x', '--f', '--natsport=1'])(
    'that are unknown are refused by name: %s',
    (option) => {
      expect(() => refuseUnknownOptions(known, ['--simulated', option])).toThrow(option.split('=')[0]);
    },
  );
});

test('a port is a whole number that exists', () => {
  expect(parsePort('nats-port', undefined)).toBeUndefined();
  expect(parsePort('nats-port', '0')).toBe(0);
  for (const wrong of ['x', '', '1.5', '-1', '65536'])
    expect(() => parsePort('nats-port', wrong)).toThrow('--nats-port');
});
