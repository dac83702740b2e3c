/** Disks in XML: what is written, and what libvirt makes of it. */
import { expect, test } from 'vitest';
import { attachedDisks, diskElements, withDiskSources } from './disk-xml.ts';

const live = `<domain><devices>
  <disk type='file' device='disk'>
    <driver name='qemu' type='qcow2'/>
    <source file='/s/a&amp;b/vda.2.qcow2' index='3'/>
    <backingStore type='file' index='2'>
      <format type='qcow2'/>
      <source file='/s/a&amp;b/vda.1.qcow2'/>
      <backingStore type='file' index='1'><format type='raw'/><source file='/base.raw'/><backingStore/></backingStore>
    </backingStore>
    <target dev='vda' bus='virtio'/>
  </disk>
  <disk type='file' device='disk'><source file='/s/vdb.0.qcow2'/><backingStore/><target dev='vdb' bus='virtio'/></disk>
  <disk type='block' device='disk'><source dev='/dev/sdz'/><target dev='vdc' bus='virtio'/></disk>
</devices></domain>`;

test('reads the files of disks, the written one first', () => {
  expect(attachedDisks(live)).toEqual([
    { target: 'vda', path: '/s/a&b/vda.2.qcow2', below: ['/s/a&b/vda.1.qcow2', '/base.raw'] },
    { target: 'vdb', path: '/s/vdb.0.qcow2', below: [] },
  ]);
  expect(attachedDisks('<domain/>')).toEqual([]);
});

test('exchanges the files of the disks named, and forgets what lay below', () => {
  const changed = withDiskSources(live, [{ target: 'vda', path: "/new/$&'<x>" }]);
  expect(attachedDisks(changed)).toEqual([
    { target: 'vda', path: "/new/$&'<x>", below: [] },
    { target: 'vdb', path: '/s/vdb.0.qcow2', below: [] },
  ]);
  expect(changed).toContain("<source dev='/dev/sdz'/>");
  expect(withDiskSources(live, [])).toBe(live);
});

test('what is written can be read', () => {
  const disks = [
    { target: 'vda', path: `/s/'"<&>/vda.0.qcow2` },
    { target: 'vdb', path: '/s/vdb.0.qcow2' },
  ];
  const read = attachedDisks(`<domain>${diskElements(disks)}</domain>`);
  expect(read).toEqual(disks.map((disk) => ({ ...disk, below: [] })));
});
