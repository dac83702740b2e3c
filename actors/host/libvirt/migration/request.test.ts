/** Flags and parameters of a migration, and the XML that goes with it, without a hypervisor. */
import { describe, expect, it } from 'vitest';
import type { MigrationTarget } from '../../port/mod.ts';
import {
  VIR_MIGRATE_AUTO_CONVERGE,
  VIR_MIGRATE_LIVE,
  VIR_MIGRATE_NON_SHARED_DISK,
  VIR_MIGRATE_PEER2PEER,
  VIR_MIGRATE_POSTCOPY,
  VIR_MIGRATE_TLS,
} from '../binding/mod.ts';
import { copyMode } from './copy-mode.ts';
import { destinationXml, localDisks, relocate } from './destination-xml.ts';
import { migrationRequest } from './request.ts';

const unix: MigrationTarget = {
  host: 'b',
  uri: 'qemu+unix:///system?socket=/run/b/sock',
  via: { kind: 'unix', folder: '/run/b/migration' },
  runDir: '/run/b',
  storeDir: '/run/b/store',
};
/** A side whose disks lie below its run folder. */
const below = (runDir: string) => ({ runDir, storeDir: `${runDir}/store` });
const own = { id: '12345678', xml: '<domain/>', disks: [], mode: 'live' } as const;

describe('migrationRequest', () => {
  it('goes peer to peer over a socket in the folder of the target', () => {
    const request = migrationRequest(unix, {}, own);
    expect(request).toEqual({
      uri: unix.uri,
      flags: VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_AUTO_CONVERGE,
      sockets: ['/run/b/migration/12345678-m'],
      parameters: { destinationXml: '<domain/>', uri: 'unix:///run/b/migration/12345678-m' },
    });
  });

  it('copies disks over a socket of their own', () => {
    const { flags, parameters, sockets } = migrationRequest(unix, {}, { ...own, disks: ['vda'] });
    expect(flags & VIR_MIGRATE_NON_SHARED_DISK).toBeTruthy();
    expect(parameters).toMatchObject({ disks: ['vda'], disksUri: 'unix:///run/b/migration/12345678-d' });
    expect(sockets).toHaveLength(2);
  });

  it('takes what it is told of throttling, post-copy and bandwidth', () => {
    const options = { autoConverge: false, postCopy: true, bandwidthMiBps: 7.5 };
    const { flags, parameters } = migrationRequest(unix, options, own);
    expect(flags & VIR_MIGRATE_AUTO_CONVERGE).toBe(0);
    expect(flags & VIR_MIGRATE_POSTCOPY).toBeTruthy();
    expect(parameters.bandwidth).toBe(8);
  });

  it.each([
    ['10.99.0.2', 'tcp://10.99.0.2'],
    ['fd00::2', 'tcp://[fd00::2]'],
  ])('listens at %s only, encrypted if wanted', (address, uri) => {
    const target = { ...unix, via: { kind: 'tcp', address, tls: true } } as const;
    const { flags, parameters, sockets } = migrationRequest(target, {}, own);
    expect(flags & VIR_MIGRATE_TLS).toBeTruthy();
    expect(parameters).toMatchObject({ uri, listenAddress: address });
    expect(sockets).toEqual([]);
  });

  it('has the guest stand still where its memory cannot be followed', () => {
    const { flags } = migrationRequest(unix, { postCopy: true }, { ...own, mode: 'stopped' });
    expect(flags).toBe(VIR_MIGRATE_PEER2PEER);
    expect(copyMode('tcg', '7.2.22')).toBe('stopped');
    expect(copyMode('tcg', '10.0.2')).toBe('live');
    expect(copyMode('kvm', '7.2.22')).toBe('live');
  });

  it('refuses a folder that no socket fits into', () => {
    const target = { ...unix, via: { kind: 'unix', folder: `/${'x'.repeat(100)}` } } as const;
    expect(() => migrationRequest(target, {}, own)).toThrow(
      expect.objectContaining({ code: 'invalid-field', field: 'target.via.folder' }),
    );
  });
});

describe('destinationXml', () => {
  const xml = `<domain>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/run/a&amp;b/disk/d/vda.qcow2' index='1'/>
<backingStore type='file'><format type='raw'/><source file='/images/base.raw'/><backingStore/></backingStore>
<target dev='vda' bus='virtio'/></disk>
<disk type='file' device='disk'><source file='/shared/x.img'/><target dev='vdb'/></disk>
<channel type='unix'><source mode='bind' path='/run/a&amp;b/agent/d.sock'/></channel>
<os><kernel>/run/a&amp;b/kernel</kernel></os></domain>`;

  it('moves what lies below the run folder, and nothing else', () => {
    const moved = destinationXml(xml, below('/run/a&b/'), below("/run/it's"));
    expect(moved).toContain("path='/run/it&apos;s/agent/d.sock'");
    expect(moved).toContain("file='/run/it&apos;s/disk/d/vda.qcow2'");
    expect(moved).toContain("file='/shared/x.img'");
    expect(moved).toContain('<kernel>/run/a&amp;b/kernel</kernel>');
  });

  it('has a copied disk stand alone', () => {
    expect(destinationXml(xml, below('/run/a&b'), below('/run/c'))).toMatch(
      /<backingStore\/>\s*<target dev='vda'/,
    );
  });

  it('knows which disks are local', () => {
    expect(localDisks(xml, below('/run/a&b'))).toEqual([
      { target: 'vda', path: '/run/a&b/disk/d/vda.qcow2', format: 'qcow2' },
    ]);
  });

  it('relocates paths below a folder only', () => {
    expect(relocate('/run/a/x/y', below('/run/a'), below('/run/b'))).toBe('/run/b/x/y');
    expect(relocate('/run/ab/x', below('/run/a'), below('/run/b'))).toBe('/run/ab/x');
    expect(relocate('/run/a/../x', below('/run/a'), below('/run/b'))).toBe('/run/a/../x');
    const [a, b] = ['a', 'b'].map((host) => ({ runDir: `/run/${host}`, storeDir: `/disks/${host}` }));
    expect(relocate('/disks/a/vda', a!, b!)).toBe('/disks/b/vda');
    expect(relocate('/run/a/x', a!, b!)).toBe('/run/b/x');
  });
});
