#!/usr/bin/env node
/** The command line: `shadowgrid up | submit | jobs | job | hosts | watch | cancel | doctor | demo | record`. */
import { defineCommand, runCommand, runMain, showUsage } from 'citty';
import { demo } from './demo.ts';
import { doctor } from './doctor.ts';
import { hosts } from './hosts.ts';
import { cancel, job, jobs } from './jobs.ts';
import { printError } from './print.ts';
import { record } from './record.ts';
import { submit } from './submit.ts';
import { up } from './up.ts';
import { watch } from './watch.ts';

const shadowgrid = defineCommand({
  meta: { name: 'shadowgrid', version: '0.1.0', description: 'Every job has a shadow' },
  subCommands: { up, submit, jobs, job, hosts, watch, cancel, doctor, demo, record },
});

const argv = process.argv.slice(2);
const asked = argv.includes('--help') || argv.includes('-h') || argv.includes('--version');
if (asked) await runMain(shadowgrid, { rawArgs: argv });
else {
  try {
    await runCommand(shadowgrid, { rawArgs: argv });
  } catch (error) {
    if (error instanceof Error && error.name === 'CLIError') await showUsage(shadowgrid);
    printError(error);
    process.exitCode = 1;
  }
}
