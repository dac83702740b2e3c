/** A domain's snapshots, to return to, and its checkpoints, since which changed blocks are known. */
import type { Pointer } from '../c-types.ts';
import { DomainCheckpoint } from '../domain-checkpoint.ts';
import { DomainSnapshot } from '../domain-snapshot.ts';
import { takeHandles } from '../handle.ts';
import { DomainGuest } from './guest.ts';

export class DomainHistory extends DomainGuest {
  /** `flags`: VIR_DOMAIN_SNAPSHOT_CREATE_*. */
  async snapshotCreateXML(xml: string, flags = 0): Promise<DomainSnapshot> {
    return this.#snapshot(await this.calls.pointer('virDomainSnapshotCreateXML', this.live(), xml, flags));
  }

  /** Fails with ErrorCode.noDomainSnapshot. */
  async snapshotLookupByName(name: string): Promise<DomainSnapshot> {
    return this.#snapshot(await this.calls.pointer('virDomainSnapshotLookupByName', this.live(), name, 0));
  }

  /** The one that a new snapshot would have as its parent. */
  async snapshotCurrent(): Promise<DomainSnapshot> {
    return this.#snapshot(await this.calls.pointer('virDomainSnapshotCurrent', this.live(), 0));
  }

  /** `flags`: VIR_DOMAIN_SNAPSHOT_LIST_*. */
  async listAllSnapshots(flags = 0): Promise<DomainSnapshot[]> {
    const list: [Pointer | null] = [null];
    const count = await this.calls.status('virDomainListAllSnapshots', this.live(), list, flags);
    return takeHandles(this.calls.native, list[0], count, (pointer) => this.#snapshot(pointer));
  }

  /** Begins to note which blocks change from now on. `flags`: VIR_DOMAIN_CHECKPOINT_CREATE_*. */
  async checkpointCreateXML(xml: string, flags = 0): Promise<DomainCheckpoint> {
    return this.#checkpoint(
      await this.calls.pointer('virDomainCheckpointCreateXML', this.live(), xml, flags),
    );
  }

  /** Fails with ErrorCode.noDomainCheckpoint. */
  async checkpointLookupByName(name: string): Promise<DomainCheckpoint> {
    return this.#checkpoint(
      await this.calls.pointer('virDomainCheckpointLookupByName', this.live(), name, 0),
    );
  }

  /** `flags`: VIR_DOMAIN_CHECKPOINT_LIST_*. */
  async listAllCheckpoints(flags = 0): Promise<DomainCheckpoint[]> {
    const list: [Pointer | null] = [null];
    const count = await this.calls.status('virDomainListAllCheckpoints', this.live(), list, flags);
    return takeHandles(this.calls.native, list[0], count, (pointer) => this.#checkpoint(pointer));
  }

  #snapshot(pointer: Pointer): DomainSnapshot {
    return new DomainSnapshot(this.session, pointer);
  }

  #checkpoint(pointer: Pointer): DomainCheckpoint {
    return new DomainCheckpoint(this.session, pointer);
  }
}
