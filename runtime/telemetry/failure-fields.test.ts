/** What a log line says of an actor's failure. */
import { expect, test } from 'vitest';
import { ActorFailed, MailboxFull } from '../errors.ts';
import { failureFields } from './failure-fields.ts';

test('a failure is logged with its actor, its code, its trace and where it was thrown', () => {
  const thrown = new Error('disk full');
  const error = new ActorFailed('job/j-1', new Error('cannot save', { cause: thrown }));
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  expect(failureFields({ address: 'job/j-1', error, outcome: 'restarted', trace })).toEqual({
    actor: 'job/j-1',
    kind: 'job',
    outcome: 'restarted',
    code: 'actor-failed',
    trace_id: '0af7651916cd43dd8448eb211c80319c',
    span_id: 'b7ad6b7169203331',
    stack: thrown.stack,
  });
});

test('what there is not is left out', () => {
  const error = new MailboxFull('job/j-1', 5);
  expect(failureFields({ address: 'job/j-1', error, outcome: 'undelivered', trace: 'no trace' })).toEqual({
    actor: 'job/j-1',
    kind: 'job',
    outcome: 'undelivered',
    code: 'mailbox-full',
    hint: 'send again later, and slower',
  });
});

test('an error that is its own cause ends', () => {
  const thrown = new Error('round');
  thrown.cause = thrown;
  expect(
    failureFields({ address: 'a/b', error: new ActorFailed('a/b', thrown), outcome: 'stopped' }),
  ).toMatchObject({
    stack: thrown.stack,
  });
});
