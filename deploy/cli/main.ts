#!/usr/bin/env node
/** The command line: `shadowgrid up | submit | jobs | job | hosts | watch | cancel | doctor | demo | record | nats-config | actors | actor | trace | send | dead-letters | redrive | lab | vm`. */
import { defineCommand, runCommand, runMain, showUsage } from 'citty';
import { actor } from './actor.ts';
import { actors } from './actors.ts';
import { type OptionDefinitions, refuseUnknownOptions } from './arguments.ts';
import { deadLetters } from './dead-letters.ts';
import { demo } from './demo.ts';
import { doctor } from './doctor.ts';
import { hosts } from './hosts.ts';
import { cancel, job, jobs } from './jobs.ts';
import { lab } from './lab.ts';
import { natsConfig } from './nats.ts';
import { printError } from './print.ts';
import { record } from './record.ts';
import { redrive } from './redrive.ts';
import { send } from './send.ts';
import { submit } from './submit.ts';
import { trace } from './trace.ts';
import { up } from './up.ts';
import { vm } from './vm.ts';
import { watch } from './watch.ts';

const commands = {
  up,
  submit,
  jobs,
  job,
  hosts,
  watch,
  cancel,
  doctor,
  demo,
  record,
  'nats-config': natsConfig,
  actors,
  actor,
  trace,
  send,
  'dead-letters': deadLetters,
  redrive,
  lab,
  vm,
};
const shadowgrid = defineCommand({
  meta: { name: 'shadowgrid', version: '0.1.0', description: 'Every job has a shadow' },
  subCommands: commands,
});

const argv = process.argv.slice(2);
const [name = ''] = argv;
// What comes after -- belongs to the job.
const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
const asked = own.includes('--help') || own.includes('-h') || own.includes('--version');
if (asked) await runMain(shadowgrid, { rawArgs: argv });
else {
  try {
    const command = Object.hasOwn(commands, name) ? commands[name as keyof typeof commands] : undefined;
    if (command !== undefined) refuseUnknownOptions(command.args as OptionDefinitions, own.slice(1));
    await runCommand(shadowgrid, { rawArgs: argv });
  } catch (error) {
    if (error instanceof Error && error.name === 'CLIError') await showUsage(shadowgrid);
    printError(error);
    process.exitCode = 1;
  }
}
