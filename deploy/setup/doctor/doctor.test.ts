/** The doctor's verdicts, from what it found. */
import { describe, expect, it } from 'vitest';
import { judgeCgroup } from './cgroup.ts';
import { judgeKvm } from './kvm.ts';
import { runDoctor } from './mod.ts';
import { judgeNatsServer } from './services.ts';
import { judgeNode, judgePerf, judgeResctrl } from './system.ts';

describe('verdicts', () => {
  it('on KVM need a guest that booted', () => {
    expect(judgeKvm(false, '')).toMatchObject({ status: 'limited' });
    expect(judgeKvm(true, 'shadowgrid-guest ready after 0.81 s\n')).toEqual({
      status: 'ok',
      detail: 'a guest booted under KVM in 0.81 s',
    });
    const failed = judgeKvm(true, 'qemu: failed to initialize kvm\n');
    expect(failed).toMatchObject({ status: 'limited' });
    expect(failed.detail).toContain('failed to initialize kvm');
  });

  it('on cgroups need a quota that could be written', () => {
    expect(judgeCgroup(2, ['cpu', 'memory'], true)).toMatchObject({ status: 'ok' });
    expect(judgeCgroup(1, ['cpu'], false)).toMatchObject({ status: 'limited' });
    expect(judgeCgroup(undefined, [], false)).toMatchObject({ status: 'missing' });
  });

  it('on nats-server name what it lacks', () => {
    expect(judgeNatsServer('2.15.1').status).toBe('ok');
    expect(judgeNatsServer('2.9.10').detail).toContain('syncAlways (2.10)');
    expect(judgeNatsServer(undefined).status).toBe('limited');
  });

  it('on the rest follow from what the kernel says', () => {
    expect(judgeNode('20.1.0').status).toBe('missing');
    expect(judgeNode('24.21.0').status).toBe('ok');
    expect(judgePerf(['cpu', 'software']).status).toBe('ok');
    expect(judgePerf(['software', 'tracepoint']).status).toBe('limited');
    expect(judgeResctrl('nodev\tresctrl\n', 'flags : cat_l3 mba').status).toBe('ok');
    expect(judgeResctrl('nodev\tproc\n', 'flags : cat_l3').status).toBe('limited');
  });
});

describe('the doctor', () => {
  it('turns a probe that hangs and one that throws into findings', async () => {
    const quick = async () => ({ status: 'ok', detail: '' }) as const;
    const ours = [
      'node',
      'deno',
      'root',
      'qemu',
      'kvm',
      'libvirt',
      'cgroup',
      'nats-server',
      'perf',
      'resctrl',
    ];
    const findings = await runDoctor({
      deadlineMs: 50,
      probes: {
        ...Object.fromEntries(ours.map((name) => [name, quick])),
        kvm: () => new Promise(() => {}),
        libvirt: () => Promise.reject(new Error('no daemon')),
        more: quick,
      },
    });
    expect(findings.map((finding) => finding.name)).toEqual([...ours, 'more']);
    expect(findings.find(({ name }) => name === 'kvm')).toMatchObject({ status: 'limited' });
    expect(findings.find(({ name }) => name === 'libvirt')).toMatchObject({
      status: 'missing',
      detail: 'no daemon',
    });
  });
});
