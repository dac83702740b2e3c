/** Configuration of the grid's own libvirtd, and what is said when libvirt is missing. */
import { describe, expect, it } from 'vitest';
import { libvirtdConfiguration, qemuConfiguration, withLibvirtUser } from './configuration.ts';
import { ensureLibvirtd } from './mod.ts';

describe('configuration', () => {
  it('opens no network port and lets only root at the socket', () => {
    const text = libvirtdConfiguration({ hostUuid: 'u', logFile: '/l' });
    expect(text).toContain('listen_tcp = 0');
    expect(text).toContain('unix_sock_rw_perms = "0700"');
    expect(text).toContain('host_uuid = "u"');
  });

  it('keeps QEMU out of what needs a whole system', () => {
    expect(qemuConfiguration()).toContain('namespaces = []');
  });

  it('adds the user that the driver looks up, once', () => {
    const once = withLibvirtUser('root:x:0:0::/root:/bin/sh\n', 'root:x:0:\n');
    expect(once.passwd).toMatch(/^libvirt-qemu:/m);
    expect(once.group).toMatch(/^libvirt-qemu:/m);
    expect(withLibvirtUser(once.passwd, once.group)).toEqual(once);
  });
});

describe('ensureLibvirtd', () => {
  it('uses the daemon that the environment names and does not stop it', async () => {
    const env = { SHADOWGRID_LIBVIRT_URI: 'test:///default' };
    const daemon = await ensureLibvirtd({ runDir: '/r', stateDir: '/s', env });
    expect(daemon).toMatchObject({ uri: 'test:///default', origin: 'external' });
    expect(await daemon.stop()).toEqual([]);
  });

  it.skipIf(process.getuid?.() !== 0)('refuses a socket path that the kernel would cut', async () => {
    const starting = ensureLibvirtd({ runDir: `/${'r'.repeat(100)}`, stateDir: '/s', env: {} });
    await expect(starting).rejects.toMatchObject({ code: 'libvirt-not-ready' });
  });

  it.skipIf(process.getuid?.() === 0)('needs root', async () => {
    const starting = ensureLibvirtd({ runDir: '/r', stateDir: '/s', env: {} });
    await expect(starting).rejects.toMatchObject({ code: 'libvirt-needs-root' });
  });
});
