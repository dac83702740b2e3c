/** For the doctor: whether labs can run on this machine, and what they lack. */
import type { Verdict } from '../setup/mod.ts';
import { findLacks, type Lack, programLacks } from './requirements.ts';

export async function probeRootLab(): Promise<Verdict> {
  const what = 'several libvirt hosts in namespaces and cgroups of their own (npm run lab)';
  return judgeLab(await findLacks('root'), what);
}

export async function probeSessionLab(): Promise<Verdict> {
  // As root only the programs can be looked for: root's daemons are never those of a user.
  const isRoot = process.getuid?.() === 0;
  const lacks = isRoot ? await programLacks('session') : await findLacks('session');
  const what = 'several libvirt daemons of one user, without CPU and memory limits';
  return judgeLab(lacks, isRoot ? `${what} (run npm run lab as that user)` : `${what} (npm run lab)`);
}

export function judgeLab(lacks: readonly Lack[], what: string): Verdict {
  if (lacks.length === 0) return { status: 'ok', detail: what };
  return {
    status: 'limited',
    detail: lacks.map((lack) => lack.what).join('; '),
    remedy: [...new Set(lacks.map(({ remedy }) => remedy))].join('; '),
  };
}
