/** What the doctor finds out about a machine, one thing at a time. */

export interface DoctorFinding {
  /** `node`, `kvm`, `cgroup`, ... */
  readonly name: string;
  /** `limited`: shadowgrid runs and does without something; `missing`: what needs it cannot run. */
  readonly status: 'ok' | 'limited' | 'missing';
  /** One sentence on what there is. */
  readonly detail: string;
  /** How to get what lacks. */
  readonly remedy?: string;
}

/** What a probe reports; its name is known to whoever runs it. */
export type Verdict = Omit<DoctorFinding, 'name'>;

export type Probe = () => Promise<Verdict>;
