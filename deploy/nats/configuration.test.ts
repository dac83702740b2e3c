/** The nats-server configuration says what the server's version understands. */
import { describe, expect, it } from 'vitest';
import { natsConfiguration } from './configuration.ts';

const options = { port: -1, storeDir: '/s', runDir: '/r', serverName: 'a', syncAlways: true };

describe('configuration', () => {
  it('listens on loopback only', () => {
    expect(natsConfiguration(options)).toContain('host: "127.0.0.1"');
  });

  it('flushes before it acknowledges, where the server can', () => {
    expect(natsConfiguration(options)).toContain('sync_interval: always');
    expect(natsConfiguration({ ...options, syncAlways: false })).not.toContain('sync_interval');
  });

  it('quotes what it is given', () => {
    const text = natsConfiguration({ ...options, serverName: 'a"\nport: 1' });
    expect(text).toContain('server_name: "a\\"\\nport: 1"');
  });
});
