/** Deadlines of calls, on a clock of the test's own: who is told, and when a worker is killed. */
import { beforeEach, describe, expect, test } from 'vitest';
import { type ChannelEvents, ChannelPort } from './port.ts';
import type { ToWorker } from './protocol.ts';

/** Timers that run when they are told to. */
class Timers {
  #now = 0;
  readonly #due = new Map<object, { readonly at: number; readonly run: () => void }>();
  now = () => this.#now;
  setTimeout = (run: () => void, delayMs: number) => {
    const timer = {};
    this.#due.set(timer, { at: this.#now + delayMs, run });
    return timer;
  };
  clearTimeout = (timer: unknown) => void this.#due.delete(timer as object);
  get waiting() {
    return this.#due.size;
  }
  pass(ms: number): void {
    this.#now += ms;
    for (const [timer, { at, run }] of [...this.#due]) {
      if (at > this.#now) continue;
      this.#due.delete(timer);
      run();
    }
  }
}

describe('a call with a deadline', () => {
  let timers: Timers;
  let events: ChannelEvents;
  let posted: ToWorker[];
  let killed: number;
  const open = ({ killable }: { readonly killable: boolean }) =>
    new ChannelPort(
      (given) => {
        events = given;
        const kill = () => {
          killed += 1;
          events.exit({ code: 137, error: new Error('ended by SIGKILL') });
        };
        return { post: (message) => posted.push(message), ...(killable && { kill }) };
      },
      { name: 'w', clock: timers, graceMs: 100 },
    );
  beforeEach(() => {
    timers = new Timers();
    posted = [];
    killed = 0;
  });

  test('that is answered in time leaves no timer', async () => {
    const call = open({ killable: true }).call('a', 1, { deadlineMs: 50 });
    timers.pass(49);
    events.message({ kind: 'reply', id: 1, reply: 2 });
    expect(await call).toBe(2);
    expect(timers.waiting).toBe(0);
  });

  test('is cancelled at its deadline, and the worker lives when it ends within the grace', async () => {
    const port = open({ killable: true });
    const call = port.call('a', 1, { deadlineMs: 50 });
    timers.pass(50);
    await expect(call).rejects.toMatchObject({ code: 'deadline-exceeded' });
    expect(posted.at(-1)).toEqual({ kind: 'cancel', id: 1 });
    timers.pass(99);
    events.message({ kind: 'error', id: 1, error: { code: 'late', message: 'late' } });
    expect(timers.waiting).toBe(0);
    timers.pass(1_000);
    expect(killed).toBe(0);
  });

  test('that does not end takes the worker along, and the other calls with it', async () => {
    const port = open({ killable: true });
    const late = port.call('a', 1, { deadlineMs: 50 });
    const other = port.call('b', 1, { deadlineMs: 5_000 });
    timers.pass(50);
    await expect(late).rejects.toMatchObject({ code: 'deadline-exceeded' });
    timers.pass(100);
    expect(killed).toBe(1);
    await expect(other).rejects.toMatchObject({ code: 'worker-exited', message: /SIGKILL/ });
    await expect(port.call('c', 1)).rejects.toMatchObject({ code: 'worker-exited' });
    expect(timers.waiting).toBe(0);
  });

  test('leaves a worker alone that cannot be killed', async () => {
    const port = open({ killable: false });
    const late = port.call('a', 1, { deadlineMs: 50 });
    timers.pass(50);
    await expect(late).rejects.toMatchObject({ code: 'deadline-exceeded' });
    expect(timers.waiting).toBe(0);
    const next = port.call('b', 1);
    events.message({ kind: 'reply', id: 2, reply: 'on' });
    expect(await next).toBe('on');
  });
});
