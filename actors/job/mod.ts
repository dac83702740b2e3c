/** The job actor: what a user submits, from acceptance to its end. */

export { type JobNeighbours, jobActor, jobBehaviour } from './actor.ts';
export { viewOf } from './decide.ts';
export {
  JOB_STATES,
  type JobContext,
  type JobEffect,
  type JobInput,
  type JobMessage,
  type JobState,
  type JobView,
  TERMINAL_STATES,
} from './messages.ts';
export {
  InvalidRequest,
  type JobRequest,
  type JobRequestInput,
  jobRequestSchema,
  parse,
  parseSubmission,
} from './request.ts';
