/** A guest dies, falls silent or never boots: its job fails with the reason, and with what it wrote before. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureGuestImage } from '../../deploy/guest/mod.ts';
import { type GridClient, GridProcess } from '../support/grid-process.ts';
import { describeWithGuests } from '../support/guests.ts';
import { ended, inState } from '../support/jobs.ts';
import { guestOf, guestsOf } from '../support/processes.ts';
import { until } from '../support/until.ts';

const SILENCE_S = 4;
const BOOT_S = 25;

describeWithGuests('a guest that is not well', () => {
  let grid: GridProcess;
  let client: GridClient;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sg-'));
    const { initrd } = await ensureGuestImage();
    const [hangs, broken] = [join(folder, 'hangs'), join(folder, 'broken')];
    await writeFile(hangs, kernelThatHangs());
    await writeFile(broken, 'no kernel at all');
    grid = await GridProcess.start({
      args: [
        ...['--silence', String(SILENCE_S), '--boot-deadline', String(BOOT_S)],
        ...['--image', `hangs=${hangs},${initrd}`, '--image', `broken=${broken},${initrd}`],
      ],
    });
    client = await grid.connect();
  });

  afterAll(async () => {
    await client?.[Symbol.asyncDispose]();
    await grid?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  test('whose QEMU is killed: the job fails at once', async () => {
    const { id, pid } = await running();
    process.kill(pid, 'SIGKILL');
    const job = await ended(client, id, 20_000);
    expect(job).toMatchObject({ state: 'failed' });
    expect(job.error?.code).toMatch(/^domain-(crashed|stopped)$/);
    expect(job.error?.message).toMatch(/while the job ran/);
    expect(job.exitCode).toBeUndefined();
    expect((await client.jobs.output(id)).text).toMatch(/^1\n2\n/);
  });

  test('whose agent does not answer any more: the job fails, the VM is ended', async () => {
    const { id, pid } = await running();
    process.kill(pid, 'SIGSTOP');
    const job = await ended(client, id, 60_000);
    expect(job).toMatchObject({ state: 'failed', error: { code: 'agent-silent' } });
    expect(job.error?.message).toMatch(/has not answered for \d+ s/);
    expect((await client.jobs.output(id)).text).toMatch(/^1\n2\n/);
    await until(async () => (await guestOf(grid.state, id)) === undefined);
  });

  test('that never boots: the job fails after the deadline, the VM is ended', async () => {
    const { id } = await client.jobs.submit({ ...JOB, image: 'hangs' });
    await until(() => guestOf(grid.state, id));
    const job = await ended(client, id);
    expect(job).toMatchObject({ state: 'failed', error: { code: 'guest-unreachable' } });
    expect(job.error?.message).toContain(`did not boot within ${BOOT_S} s`);
    await until(async () => (await guestOf(grid.state, id)) === undefined);
  });

  test('that QEMU refuses to start: the job fails with what QEMU says', async () => {
    const { id } = await client.jobs.submit({ ...JOB, image: 'broken' });
    const job = await ended(client, id);
    expect(job.state).toBe('failed');
    expect(job.error?.message).toMatch(/kernel/i);
    expect(await guestsOf(grid.state)).toEqual([]);
  });

  async function running() {
    const { id } = await client.jobs.submit(JOB);
    await inState(client, id, 'running');
    // Long enough for the host to have read some of it.
    await until(async () => (await client.jobs.output(id)).text.includes('6\n'));
    const pid = await until(() => guestOf(grid.state, id));
    return { id, pid };
  }
});

const JOB = {
  application: 'test',
  user: 'nobody',
  command: 'for i in $(seq 600); do echo $i; sleep 1; done',
};

/** What QEMU takes for a kernel, from its header (Documentation/arch/x86/boot.rst); its first instruction jumps to itself. */
function kernelThatHangs(): Uint8Array {
  const image = new Uint8Array(64 * 1024);
  const fields = new DataView(image.buffer);
  image[0x1f1] = 4; // sectors of real-mode code
  image.set([0xeb, 0xfe], 0x200); // where it is entered
  image.set(new TextEncoder().encode('HdrS'), 0x202);
  fields.setUint16(0x206, 0x20c, true); // boot protocol 2.12
  image[0x211] = 1; // loaded high
  fields.setUint32(0x22c, 0x37ff_ffff, true); // highest address of the initrd
  return image;
}
