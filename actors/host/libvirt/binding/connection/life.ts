/** A connection's own life: alive, lost, closed; and the handles that live no longer than it. */

import type { Pointer } from '../c-types.ts';
import { CallQueue, invoke } from '../calls.ts';
import { releaseEventLoop } from '../event-loop.ts';
import { type Registration, register, unregister } from '../events.ts';
import type { Handle, Session } from '../handle.ts';
import { loadLibvirt } from '../native.ts';

export abstract class ConnectionLife implements AsyncDisposable {
  readonly uri: string;
  protected readonly session: Session;
  protected readonly pointer: Pointer;
  readonly #closeCallback: Registration;
  /** Whether libvirt has the callback above. */
  readonly #closeWatched: boolean;
  readonly #lossListeners = new Set<(reason: number) => void>();
  #alive = true;

  /** Takes over the connection at `pointer`, and one hold of the event loop. */
  constructor(uri: string, pointer: Pointer) {
    const native = loadLibvirt();
    this.uri = uri;
    this.pointer = pointer;
    this.session = { calls: new CallQueue(native, pointer), handles: new Set<Handle>() };
    this.#closeCallback = register('close', (reason) => this.#lost(reason));
    const { callback, id } = this.#closeCallback;
    // Drivers inside this process (test:///) know no close callback: they cannot be lost either.
    this.#closeWatched = native.virConnectRegisterCloseCallback(pointer, callback, id, null) === 0;
  }

  protected get calls(): CallQueue {
    return this.session.calls;
  }

  /** False once the daemon is known to be gone, or the connection was closed. */
  get alive(): boolean {
    return this.#alive && !this.calls.closed;
  }

  /** Asks the transport whether it is still there; no round trip. */
  async isAlive(): Promise<boolean> {
    if (!this.alive) return false;
    if ((await this.calls.status('virConnectIsAlive', this.pointer).catch(() => 0)) === 1) return true;
    this.#alive = false;
    return false;
  }

  /** Calls back once when the connection is lost (not when it is closed by us); returns what ends that. */
  onLost(listener: (reason: number) => void): () => void {
    this.#lossListeners.add(listener);
    return () => this.#lossListeners.delete(listener);
  }

  /** Frees every handle and closes; later calls reject. Idempotent. */
  async close(): Promise<void> {
    if (this.calls.closed) return;
    await this.endEvents();
    for (const handle of [...this.session.handles]) handle[Symbol.dispose]();
    await this.calls.close(async () => {
      const { native } = this.calls;
      // The callback holds a reference: without this the connection would stay open.
      if (this.#closeWatched) {
        native.virConnectUnregisterCloseCallback(this.pointer, this.#closeCallback.callback);
      }
      unregister(this.#closeCallback);
      await invoke(native.virConnectClose, [this.pointer]);
    });
    releaseEventLoop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends what calls back, before the connection closes. */
  protected abstract endEvents(): Promise<void>;

  #lost(reason: number): void {
    this.#alive = false;
    for (const listener of this.#lossListeners) listener(reason);
  }
}
