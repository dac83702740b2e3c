/** The domain's XML as it must read at the target: paths below our run folder become paths below the target's. */
import { isAbsolute, relative, resolve } from 'node:path';
import { escapeXml, unescapeXml } from '../xml.ts';

/** `path` as the target has it; unchanged if it is not below `from`. */
export function relocate(path: string, from: string, to: string): string {
  const below = relative(from, path);
  return below === '' || below.startsWith('..') || isAbsolute(below) ? path : resolve(to, below);
}

/** `xml` as libxml2 wrote it: attributes in single quotes. `from` and `to` are absolute. */
export function destinationXml(xml: string, from: string, to: string): string {
  const own = escapeXml(resolve(from));
  const theirs = escapeXml(resolve(to));
  return (
    xml
      .replaceAll(`'${own}/`, `'${theirs}/`)
      // The copy of a disk is one image, whatever ours is made of.
      .replace(/<backingStore\b[^>]*>.*?<\/backingStore>(?=\s*<target)/gs, '<backingStore/>')
  );
}

/** A disk whose image lies below the run folder: it moves with the domain. */
export interface LocalDisk {
  /** `vda`. */
  readonly target: string;
  readonly path: string;
  readonly format: string;
}

export function localDisks(xml: string, runDir: string): LocalDisk[] {
  const disks: LocalDisk[] = [];
  for (const [disk] of xml.matchAll(/<disk\b[^>]*\bdevice='disk'.*?<\/disk>/gs)) {
    const path = unescapeXml(/<source file='([^']*)'/.exec(disk)?.[1] ?? '');
    const target = /<target dev='([^']*)'/.exec(disk)?.[1];
    if (target === undefined || relocate(path, runDir, '/') === path) continue;
    disks.push({ target, path, format: /<driver\b[^>]*\btype='([^']*)'/.exec(disk)?.[1] ?? 'raw' });
  }
  return disks;
}
