/** A shadow at work on a real guest: vCPUs, cores and memory come before the demand that it has learnt. */
import { expect } from 'vitest';
import type { Progress } from '../../actors/gateway/mod.ts';
import { test } from '../support/grid-test.ts';
import { describeWithGuests } from '../support/guests.ts';

type Directive = Extract<Progress, { type: 'directive' }>;

describeWithGuests('a shadow', () => {
  test('raises cores and memory of a real guest by forecast, wakes a second vCPU, and takes back what is not used', async ({
    client,
  }) => {
    const pattern = 'low:threads=1,duty=20,memory=16,seconds=7;high:threads=2,duty=75,memory=104,seconds=4';
    const { id } = await client.jobs.submit({
      application: 'pattern',
      user: 'nobody',
      script: [
        `workload --phases '${pattern}' --cycles 4 --jitter 0.05 --seed 3 &`,
        'work=$!',
        // What the guest itself sees, beside its work.
        'while kill -0 $work 2>/dev/null; do',
        '  echo "saw $(grep -c ^processor /proc/cpuinfo) CPUs"',
        '  sleep 1',
        'done',
        'wait $work',
      ].join('\n'),
      resources: { cores: 0.5, memoryMiB: 128, maxCores: 2, maxMemoryMiB: 320 },
      estimatedSeconds: 44,
      shadow: { policy: 'forecast' },
    });
    const directives: Directive[] = [];
    for await (const progress of client.jobs.watch(id)) {
      if (progress.type === 'directive') directives.push(progress);
    }
    expect(await client.jobs.status(id)).toMatchObject({ state: 'completed' });
    const summary = directives
      .map((d) => `${d.resource} ${d.from} -> ${d.to} ${d.rule} ${d.outcome}`)
      .join('\n');
    const raised = directives.filter(({ outcome, from, to }) => outcome === 'applied' && to > from);
    const ahead = new Set(raised.filter(({ rule }) => rule === 'forecast').map(({ resource }) => resource));
    expect([...ahead], summary).toEqual(expect.arrayContaining(['cores', 'memoryMiB']));
    // A vCPU that the first, unforeseen rise brought may still be there when the next ones come.
    expect(raised, summary).toContainEqual(expect.objectContaining({ resource: 'vcpus', from: 1, to: 2 }));
    expect(directives, summary).toContainEqual(
      expect.objectContaining({ rule: 'release', outcome: 'applied' }),
    );
    const { text } = await client.jobs.output(id);
    expect(text).toContain('saw 1 CPUs');
    expect(text).toContain('saw 2 CPUs');
  });
});
