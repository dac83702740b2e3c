/** The domain's XML as it must read at the target: paths below folders of this side become paths below the target's. */
import { isAbsolute, relative, resolve } from 'node:path';
import { escapeXml, unescapeXml } from '../xml.ts';

/** Where a side keeps the files of its domains; absolute. */
export interface Folders {
  /** Sockets and consoles. */
  readonly runDir: string;
  /** Disks. May lie below the other. */
  readonly storeDir: string;
}

const FOLDERS = ['storeDir', 'runDir'] as const;

/** `path` as the target has it; unchanged if it is below no folder of `from`. */
export function relocate(path: string, from: Folders, to: Folders): string {
  for (const folder of FOLDERS) {
    const below = relative(from[folder], path);
    if (below !== '' && !below.startsWith('..') && !isAbsolute(below)) return resolve(to[folder], below);
  }
  return path;
}

/** `xml` as libxml2 wrote it: attributes in single quotes. */
export function destinationXml(xml: string, from: Folders, to: Folders): string {
  return (
    xml
      .replace(/'(\/[^'<>]*)'/g, (_, path: string) => `'${escapeXml(relocate(unescapeXml(path), from, to))}'`)
      // The copy of a disk is one image, whatever ours is made of.
      .replace(/<backingStore\b[^>]*>.*?<\/backingStore>(?=\s*<target)/gs, '<backingStore/>')
  );
}

/** A disk whose image lies below a folder of this side: it moves with the domain. */
export interface LocalDisk {
  /** `vda`. */
  readonly target: string;
  readonly path: string;
  readonly format: string;
}

const NOWHERE: Folders = { runDir: '/', storeDir: '/' };

export function localDisks(xml: string, from: Folders): LocalDisk[] {
  const disks: LocalDisk[] = [];
  for (const [disk] of xml.matchAll(/<disk\b[^>]*\bdevice='disk'.*?<\/disk>/gs)) {
    const path = unescapeXml(/<source file='([^']*)'/.exec(disk)?.[1] ?? '');
    const target = /<target dev='([^']*)'/.exec(disk)?.[1];
    if (target === undefined || relocate(path, from, NOWHERE) === path) continue;
    disks.push({ target, path, format: /<driver\b[^>]*\btype='([^']*)'/.exec(disk)?.[1] ?? 'raw' });
  }
  return disks;
}
