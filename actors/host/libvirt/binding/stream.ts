/** A stream of bytes to or from libvirt: the contents of a storage volume. */
import type { Pointer } from './c-types.ts';
import { VIR_ERR_INVALID_STREAM } from './generated/constants.ts';
import { Handle, type Session } from './handle.ts';
import { roomFor } from './structure.ts';

/** What libvirt's protocol carries in one message. */
const CHUNK = 256 * 1024;

/** Belongs to one transfer at a time. Each call takes a thread of the pool and the connection's queue until it is through. */
export class Stream extends Handle {
  /** Made by Connection only: takes over one reference to `pointer`. */
  constructor(session: Session, pointer: Pointer) {
    super(session, pointer, { noun: 'stream', free: 'virStreamFree', invalid: VIR_ERR_INVALID_STREAM });
  }

  /** Sends all of `bytes`. */
  async send(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let sent = 0; sent < bytes.length; ) {
      const chunk = bytes.subarray(sent, sent + CHUNK);
      sent += await this.calls.status('virStreamSend', this.live(), chunk, chunk.length);
    }
  }

  /** The next bytes, `most` at the most; undefined at the end. */
  async receive(most = CHUNK): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = new Uint8Array(roomFor('virStreamRecv', 'nbytes', most));
    const count = await this.calls.status('virStreamRecv', this.live(), bytes, most);
    return count === 0 ? undefined : bytes.subarray(0, count);
  }

  /** Ends a transfer, and tells whether the other side has it all. */
  async finish(): Promise<void> {
    await this.calls.status('virStreamFinish', this.live());
  }

  /** Breaks a transfer off. */
  async abort(): Promise<void> {
    await this.calls.status('virStreamAbort', this.live());
  }
}
