/** Events of the domains of one connection. */
import type { Pointer } from '../c-types.ts';
import type { Domain } from '../domain.ts';
import { DOMAIN_EVENTS, type DomainEventName, type DomainNotice } from '../domain-events.ts';
import { type Registration, register, unregister } from '../events.ts';
import { pointerOf } from '../handle.ts';
import { ConnectionLife } from './life.ts';

export type LifecycleNotice = DomainNotice<'lifecycle'>;
export type LifecycleListener = (notice: LifecycleNotice) => void;

/** An event of QEMU's own monitor protocol. */
export interface MonitorNotice {
  readonly domain: string;
  /** `BALLOON_CHANGE`. */
  readonly event: string;
  /** Seconds since 1970. */
  readonly at: number;
  /** JSON; null where there is nothing more to tell. */
  readonly details: string | null;
}

/** Ends calling back; later calls do nothing. */
export type StopListening = () => Promise<void>;

type Deregister = 'virConnectDomainEventDeregisterAny' | 'virConnectDomainQemuMonitorEventDeregister';

export abstract class ConnectionEvents extends ConnectionLife {
  readonly #ends = new Set<StopListening>();

  /**
   * Calls back on every event of one kind, of every domain or of `domain` only; resolves with what ends that.
   * Events come in order, on the main thread.
   */
  async on<E extends DomainEventName>(
    event: E,
    listener: (notice: DomainNotice<E>) => void,
    domain?: Domain,
  ): Promise<StopListening> {
    const { id, shape, read } = DOMAIN_EVENTS[event];
    const { native } = this.calls;
    const registration = register(shape, (pointer, ...args) => {
      listener({ domain: native.virDomainGetName(pointer) ?? '', ...read(...args) });
    });
    const { callback } = registration;
    return this.#listen(registration, 'virConnectDomainEventDeregisterAny', () =>
      this.calls.status(
        'virConnectDomainEventRegisterAny',
        this.pointer,
        domain === undefined ? null : pointerOf(domain),
        id,
        callback,
        registration.id,
        null,
      ),
    );
  }

  /** Calls back on every lifecycle event of every domain; resolves with what ends that. */
  onLifecycle(listener: LifecycleListener): Promise<StopListening> {
    return this.on('lifecycle', listener);
  }

  /** Events of QEMU's monitor (QEMU driver only): those called `event`, or all. */
  async onMonitorEvent(
    listener: (notice: MonitorNotice) => void,
    { event, domain }: { readonly event?: string; readonly domain?: Domain } = {},
  ): Promise<StopListening> {
    const { native } = this.calls;
    const registration = register(
      'string int64 uint string',
      (pointer: Pointer, name: string, seconds: number, micros: number, details: string | null) => {
        const at = Number(seconds) + micros / 1e6;
        listener({ domain: native.virDomainGetName(pointer) ?? '', event: name, at, details });
      },
    );
    return this.#listen(registration, 'virConnectDomainQemuMonitorEventDeregister', () =>
      this.calls.status(
        'virConnectDomainQemuMonitorEventRegister',
        this.pointer,
        domain === undefined ? null : pointerOf(domain),
        event ?? null,
        registration.callback,
        registration.id,
        null,
        0,
      ),
    );
  }

  protected override async endEvents(): Promise<void> {
    for (const end of [...this.#ends]) await end().catch(() => {});
  }

  async #listen(
    registration: Registration,
    deregister: Deregister,
    start: () => Promise<number>,
  ): Promise<StopListening> {
    let number: number;
    try {
      number = await start();
    } catch (error) {
      unregister(registration);
      throw error;
    }
    const end = async () => {
      if (!this.#ends.delete(end)) return;
      unregister(registration);
      await this.calls.status(deregister, this.pointer, number);
    };
    this.#ends.add(end);
    return end;
  }
}
