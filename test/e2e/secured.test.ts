/** A grid on a secured NATS: each process as the user of its role, from the configuration to a job's end. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forecastSubject } from '../../actors/allocator/mod.ts';
import { type SecuredServers, startSecured } from '../conformance/nats-secured-server.ts';
import { shadowgrid } from '../support/command.ts';
import { GridProcess } from '../support/grid-process.ts';
import { until } from '../support/until.ts';

describe('a grid on a secured NATS', () => {
  let servers: SecuredServers;
  let grid: GridProcess;
  const credentials = (user: string) => join(servers.folder, 'users', `${user}.json`);
  const said = async (...args: string[]) => {
    const { status, stdout, stderr } = await shadowgrid(args);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    return stdout;
  };

  beforeAll(async () => {
    servers = await startSecured({}, ({ folder, port }) =>
      said('nats-config', folder, '--port', String(port), '--user', 'alice=client'),
    );
    // Until it answers: `up` takes a server that is not there for a mistake.
    await servers.connect('grid');
    grid = await GridProcess.start({ simulated: true, args: ['--credentials', servers.folder] });
  });
  afterAll(async () => {
    await grid?.stop();
    await servers?.stop();
  });

  it('runs jobs of a client', async () => {
    const alice = ['--credentials', credentials('alice')];
    const watched = await said('submit', ...alice, '--watch', '--', 'sleep 1');
    expect(watched.trim()).toMatch(/completed {2}on \S+$/);
    const { jobs } = JSON.parse(await said('jobs', ...alice, '--json'));
    expect(jobs).toMatchObject([{ state: 'completed' }]);
  });

  it('forecasts, its worker as a user that may do nothing else', async () => {
    const { transport } = await servers.connect('operator');
    let forecasts = 0;
    transport.subscribe(forecastSubject('*'), () => {
      forecasts += 1;
    });
    await transport.flush();
    await said('submit', '--credentials', credentials('client'), '--', 'sleep 60');
    await until(() => forecasts > 0);
  });

  it('shows its actors to an operator, and to no client', async () => {
    const asked = ['actors', 'router', '--nats', `tls://127.0.0.1:${servers.options.port}`, '--credentials'];
    expect(await said(...asked, credentials('operator'))).toMatch(/^router\/main +live/m);
    const { status, stderr } = await shadowgrid([...asked, credentials('client')]);
    expect(status).toBe(1);
    expect(stderr).not.toBe('');
  });

  it('is found by its state directory, with the user that a command needs', async () => {
    expect(await said('actors', 'router', '--state', grid.state)).toContain('router/main');
    expect(await said('jobs', '--state', grid.state)).toContain('completed');
  });

  it('leaves nats-server as it is when it stops', async () => {
    expect(await grid.end('SIGTERM')).toBe(0);
    expect(grid.said).not.toMatch(/warning|nats-server \(pid/);
    const { transport } = await servers.connect('client');
    expect(transport.status).toBe('connected');
  });

  it('does not start without credentials, or with those of a client, and says why', async () => {
    const url = `tls://127.0.0.1:${servers.options.port}`;
    for (const args of [
      ['--nats', url],
      ['--credentials', credentials('client')],
    ]) {
      const { status, stderr } = await shadowgrid(['up', '--simulated', '--state', grid.state, ...args]);
      expect(status).toBe(1);
      expect(stderr).toMatch(/^error: .*(cannot connect to NATS|permissions violation)/i);
    }
    const missing = await shadowgrid(['up', '--simulated', '--state', grid.state, '--credentials', '/none']);
    expect(missing.stderr).toMatch(/^error: \/none is missing/);
  });
});
