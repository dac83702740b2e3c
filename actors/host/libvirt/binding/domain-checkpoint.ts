/** A checkpoint of a domain: a moment since which libvirt knows the blocks that changed (a dirty bitmap for each disk). */
import type { Pointer } from './c-types.ts';
import { VIR_ERR_INVALID_DOMAIN_CHECKPOINT } from './generated/constants.ts';
import { Handle, type Session } from './handle.ts';

export class DomainCheckpoint extends Handle {
  readonly name: string;

  /** Made by Domain only: takes over one reference to `pointer`. */
  constructor(session: Session, pointer: Pointer) {
    super(session, pointer, {
      noun: 'checkpoint',
      free: 'virDomainCheckpointFree',
      invalid: VIR_ERR_INVALID_DOMAIN_CHECKPOINT,
    });
    this.name = session.calls.native.virDomainCheckpointGetName(pointer) ?? '';
  }

  /** With VIR_DOMAIN_CHECKPOINT_XML_SIZE the bytes that changed since, for each disk. */
  async xml(flags = 0): Promise<string> {
    return this.calls.text('virDomainCheckpointGetXMLDesc', this.live(), flags);
  }

  /** `flags`: VIR_DOMAIN_CHECKPOINT_DELETE_*. */
  async delete(flags = 0): Promise<void> {
    await this.calls.status('virDomainCheckpointDelete', this.live(), flags);
  }
}
