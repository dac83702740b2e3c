/** Disks in a domain's XML: written for a new one, read from a live one, exchanged in a saved one. */
import { escapeXml, firstElementAttributes } from '../xml.ts';
import type { DiskLayer } from './disk-files.ts';

export interface AttachedDisk {
  /** `vda`. */
  readonly target: string;
  /** The file that the guest writes. */
  readonly path: string;
  /** The files below it, the nearest first. */
  readonly below: readonly string[];
}

export function diskElements(disks: readonly DiskLayer[]): string {
  return disks
    .map(
      ({ target, path }) =>
        `<disk type='file' device='disk'><driver name='qemu' type='qcow2' discard='unmap'/>` +
        `<source file='${escapeXml(path)}'/><target dev='${target}' bus='virtio'/></disk>`,
    )
    .join('');
}

/** The disks that have files, in libvirt's XML. */
export function attachedDisks(xml: string): AttachedDisk[] {
  const disks: AttachedDisk[] = [];
  for (const [element] of xml.matchAll(DISK)) {
    const target = firstElementAttributes(/<target\b[^>]*>/.exec(element)?.[0] ?? '').get('dev');
    const [path, ...below] = Array.from(element.matchAll(/<source\b[^>]*>/g), ([source]) =>
      firstElementAttributes(source).get('file'),
    ).filter((file) => file !== undefined);
    if (target !== undefined && path !== undefined) disks.push({ target, path, below });
  }
  return disks;
}

/** The XML with other files for its disks; what lies below them is left for libvirt to find out. */
export function withDiskSources(xml: string, disks: readonly DiskLayer[]): string {
  const paths = new Map(disks.map(({ target, path }) => [target, path]));
  return xml.replace(DISK, (element) => {
    const target = firstElementAttributes(/<target\b[^>]*>/.exec(element)?.[0] ?? '').get('dev');
    const path = target === undefined ? undefined : paths.get(target);
    if (path === undefined) return element;
    return element
      .replace(/<backingStore\b[^>]*[^/]>[\s\S]*<\/backingStore>|<backingStore\s*\/>/g, '')
      .replace(/<source\b[\s\S]*?(?:\/>|<\/source>)/, () => `<source file='${escapeXml(path)}'/>`);
  });
}

const DISK = /<disk\b[\s\S]*?<\/disk>/g;
