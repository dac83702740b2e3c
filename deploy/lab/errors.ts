/** Errors of starting a lab. */
import { GridError } from '../../runtime/mod.ts';

/** An option of a lab is wrong. */
export class LabInvalid extends GridError {
  constructor(field: string, what: string, right: string) {
    super('invalid-field', `${field} ${what}`, { field, hint: right });
  }
}

/** This machine lacks what a lab of this mode needs. */
export class LabUnavailable extends GridError {
  constructor(mode: string, lacking: readonly string[], remedy: string) {
    super('lab-unavailable', `a lab in mode ${mode} cannot run here: ${lacking.join('; ')}`, {
      hint: remedy,
    });
  }
}

/** A lab runs already in this folder. */
export class LabRuns extends GridError {
  constructor(runDir: string, owner: number | undefined) {
    const by = owner === undefined ? '' : ` (of process ${owner})`;
    super('lab-runs', `a lab runs already in ${runDir}${by}`, {
      hint: owner === undefined ? 'use it, or end it: shadowgrid lab down' : 'end that process first',
    });
  }
}

/** A host of a lab did not come up. */
export class LabHostFailed extends GridError {
  constructor(host: string, said: string, logFile: string) {
    super('lab-host-failed', `host ${host} of the lab did not come up: ${said || 'it said nothing'}`, {
      hint: `see ${logFile}`,
      retryable: true,
    });
  }
}

/** Something of a lab does not end. */
export class LabStuck extends GridError {
  constructor(runDir: string, left: readonly string[]) {
    super('lab-stuck', `the lab in ${runDir} does not go: ${left.join(', ') || 'its cgroups are in use'}`, {
      hint: 'end what is left, then run it again as the user who started the lab',
      retryable: true,
    });
  }
}
