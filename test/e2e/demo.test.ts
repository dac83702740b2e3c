/** `demo --simulated`: the whole demo where there is no libvirt, and every line of it says that it is simulated. */
import { describe, expect, test } from 'vitest';
import { shadowgrid } from '../support/command.ts';

describe('demo --simulated', () => {
  test('labels every line, sums up, exits with status 0 and leaves nothing behind', async () => {
    const { status, stdout, stderr } = await shadowgrid(['demo', '--simulated', '--cycles', '3'], {
      timeoutMs: 110_000,
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.filter((line) => !line.startsWith('simulated: '))).toEqual([]);
    expect(stdout).toMatch(/cpu .* forecast/);
    expect(stdout).toMatch(/\d of \d rises had their capacity before the demand/);
  });

  test('refuses fewer cycles than it learns from', async () => {
    const { status, stderr } = await shadowgrid(['demo', '--simulated', '--cycles', '2']);
    expect(status).toBe(1);
    expect(stderr).toContain('3 to 1000');
  });
});
