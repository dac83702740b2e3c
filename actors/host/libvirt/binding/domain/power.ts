/** Starting, stopping, pausing and saving a domain. */
import type { TypedParameter } from '../typed-parameters.ts';
import { DomainIdentity } from './identity.ts';

export interface SaveOptions {
  /** XML to restore it with instead of its own: only what the guest cannot see may differ. */
  readonly xml?: string;
  /** VIR_DOMAIN_SAVE_*. */
  readonly flags?: number;
}

export class DomainPower extends DomainIdentity {
  /** Starts a defined domain. `flags`: StartFlag. */
  async create(flags = 0): Promise<void> {
    await this.calls.status('virDomainCreateWithFlags', this.live(), flags);
  }

  /** Ends the VM at once, as if its power was cut. `flags`: VIR_DOMAIN_DESTROY_*. */
  async destroy(flags = 0): Promise<void> {
    await this.calls.status('virDomainDestroyFlags', this.live(), flags);
  }

  /** Forgets a defined domain; one that runs becomes transient. `flags`: VIR_DOMAIN_UNDEFINE_*. */
  async undefine(flags = 0): Promise<void> {
    await this.calls.status('virDomainUndefineFlags', this.live(), flags);
  }

  async suspend(): Promise<void> {
    await this.calls.status('virDomainSuspend', this.live());
  }

  async resume(): Promise<void> {
    await this.calls.status('virDomainResume', this.live());
  }

  /** Asks the guest to shut down; it may not. `flags`: VIR_DOMAIN_SHUTDOWN_*. */
  async shutdown(flags = 0): Promise<void> {
    await this.calls.status('virDomainShutdownFlags', this.live(), flags);
  }

  /** Asks the guest to reboot. `flags`: VIR_DOMAIN_REBOOT_*. */
  async reboot(flags = 0): Promise<void> {
    await this.calls.status('virDomainReboot', this.live(), flags);
  }

  /** Resets the VM, as if by its button. */
  async reset(): Promise<void> {
    await this.calls.status('virDomainReset', this.live(), 0);
  }

  /** Writes the guest's memory to the file `to` and ends it: see Connection.restore. */
  async save(to: string, { xml, flags = 0 }: SaveOptions = {}): Promise<void> {
    await this.calls.status('virDomainSaveFlags', this.live(), to, xml ?? null, flags);
  }

  /** As {@link save}, by VIR_DOMAIN_SAVE_PARAM_* (`file`, `dxml`). libvirt 8.4. */
  async saveParams(parameters: readonly TypedParameter[], flags = 0): Promise<void> {
    await this.withParameters(parameters, (memory, count) =>
      this.calls.status('virDomainSaveParams', this.live(), memory, count, flags),
    );
  }

  /** As {@link save}, to a file of libvirt's own, which the next {@link create} restores. */
  async managedSave(flags = 0): Promise<void> {
    await this.calls.status('virDomainManagedSave', this.live(), flags);
  }

  async hasManagedSaveImage(): Promise<boolean> {
    return (await this.calls.status('virDomainHasManagedSaveImage', this.live(), 0)) === 1;
  }

  async managedSaveRemove(): Promise<void> {
    await this.calls.status('virDomainManagedSaveRemove', this.live(), 0);
  }

  /** Dumps the guest's memory to the file `to`. `format`: VIR_DOMAIN_CORE_DUMP_FORMAT_*; `flags`: VIR_DUMP_*. */
  async coreDump(to: string, format = 0, flags = 0): Promise<void> {
    await this.calls.status('virDomainCoreDumpWithFormat', this.live(), to, format, flags);
  }

  async injectNMI(): Promise<void> {
    await this.calls.status('virDomainInjectNMI', this.live(), 0);
  }
}
