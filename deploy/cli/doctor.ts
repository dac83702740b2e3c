/** `shadowgrid doctor`: what this machine can and cannot do, and how to get it. */
import { styleText } from 'node:util';
import { defineCommand } from 'citty';
import { probeRootLab, probeSessionLab } from '../lab/mod.ts';
import { probeLibvirt } from '../local/mod.ts';
import { runDoctor } from '../setup/mod.ts';
import { printJson } from './print.ts';

const MARKS = {
  ok: styleText('green', 'ok     '),
  limited: styleText('yellow', 'limited'),
  missing: styleText('red', 'missing'),
} as const;

export const doctor = defineCommand({
  meta: {
    name: 'doctor',
    description: 'Find out what this machine can do; exit status 1 if something is missing',
  },
  args: { json: { type: 'boolean', description: 'print JSON' } },
  run: async ({ args }) => {
    const findings = await runDoctor({
      probes: { libvirt: probeLibvirt, 'lab-root': probeRootLab, 'lab-session': probeSessionLab },
      onProgress: (line) => process.stderr.write(`${line}\n`),
    });
    if (args.json) printJson({ findings });
    else {
      for (const { name, status, detail, remedy } of findings) {
        process.stdout.write(`${MARKS[status]}  ${name.padEnd(12)} ${detail}\n`);
        if (remedy !== undefined) process.stdout.write(`${' '.repeat(22)}${remedy}\n`);
      }
    }
    if (findings.some(({ status }) => status === 'missing')) process.exitCode = 1;
  },
});
