/** Pure decisions of a job: how an end is explained, what a state still needs after a restart, what users see. */
import type { WireError } from '../../runtime/mod.ts';
import type { JobContext, JobEffect, JobInput, JobMessage, JobState, JobView } from './messages.ts';

/** Where a new job starts: it waits for other jobs, or for its turn. */
export function startOf(input: JobInput): { readonly value: JobState; readonly context: JobContext } {
  return { value: input.dependencies.length > 0 ? 'accepted' : 'queued', context: contextOf(input) };
}

export function contextOf(input: JobInput): JobContext {
  return {
    ...input,
    host: undefined,
    refusals: [],
    placedAt: undefined,
    startedAt: undefined,
    endedAt: undefined,
    bootMs: undefined,
    exitCode: undefined,
    signal: undefined,
    outputBytes: 0,
    error: undefined,
  };
}

/** Why a job ended as it did; undefined when it simply succeeded. */
export function outcomeError(context: JobContext, event: JobMessage): WireError | undefined {
  switch (event.type) {
    case 'dependency-failed':
      return {
        code: 'dependency-failed',
        message: `job ${event.jobId}, on which it depends, did not complete`,
        field: 'dependencies',
      };
    case 'exited':
      if (event.exitCode === 0) return undefined;
      return {
        code: 'command-failed',
        message:
          event.signal > 0
            ? `the command was ended by signal ${event.signal}`
            : `the command exited with status ${event.exitCode}`,
        hint: `read its output: shadowgrid job ${context.id} --output`,
      };
    case 'lost':
    case 'host-refused':
      return event.error as WireError;
    case 'cancel':
      return { code: 'cancelled', message: 'cancelled by a user' };
    default:
      return undefined;
  }
}

/** The effects a job in `state` needs (again) after a restart. */
export function effectsToResume(state: JobState, context: JobContext): JobEffect[] {
  switch (state) {
    case 'accepted':
      return [{ type: 'await-dependencies' }];
    case 'queued':
      return [{ type: 'enqueue' }];
    case 'placing':
    case 'booting':
      return [{ type: 'ensure-running', host: context.host ?? '' }];
    case 'running':
      return [
        { type: 'ensure-running', host: context.host ?? '' },
        { type: 'cast-shadow', host: context.host ?? '' },
      ];
    default:
      return [];
  }
}

export function viewOf(state: JobState, context: JobContext): JobView {
  const { id, request, requestHash, dependencies, submittedAt, outputBytes } = context;
  const { host, placedAt, startedAt, endedAt, bootMs, exitCode, signal, error } = context;
  return {
    id,
    state,
    request,
    requestHash,
    dependencies,
    submittedAt,
    outputBytes,
    ...(host !== undefined && { host }),
    ...(placedAt !== undefined && { placedAt }),
    ...(startedAt !== undefined && { startedAt }),
    ...(endedAt !== undefined && { endedAt }),
    ...(bootMs !== undefined && { bootMs }),
    ...(exitCode !== undefined && { exitCode }),
    ...(signal !== undefined && { signal }),
    ...(error !== undefined && { error }),
  };
}
