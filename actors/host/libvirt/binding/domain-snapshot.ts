/** A snapshot of a domain. */
import type { Pointer } from './c-types.ts';
import { VIR_ERR_INVALID_DOMAIN_SNAPSHOT } from './generated/constants.ts';
import { Handle, type Session } from './handle.ts';

export class DomainSnapshot extends Handle {
  readonly name: string;

  /** Made by Domain only: takes over one reference to `pointer`. */
  constructor(session: Session, pointer: Pointer) {
    super(session, pointer, {
      noun: 'snapshot',
      free: 'virDomainSnapshotFree',
      invalid: VIR_ERR_INVALID_DOMAIN_SNAPSHOT,
    });
    this.name = session.calls.native.virDomainSnapshotGetName(pointer) ?? '';
  }

  async xml(flags = 0): Promise<string> {
    return this.calls.text('virDomainSnapshotGetXMLDesc', this.live(), flags);
  }

  async isCurrent(): Promise<boolean> {
    return (await this.calls.status('virDomainSnapshotIsCurrent', this.live(), 0)) === 1;
  }

  /** Takes the domain back to it. `flags`: VIR_DOMAIN_SNAPSHOT_REVERT_*. */
  async revert(flags = 0): Promise<void> {
    await this.calls.status('virDomainRevertToSnapshot', this.live(), flags);
  }

  /** `flags`: VIR_DOMAIN_SNAPSHOT_DELETE_*. */
  async delete(flags = 0): Promise<void> {
    await this.calls.status('virDomainSnapshotDelete', this.live(), flags);
  }
}
