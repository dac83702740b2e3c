/** A connection that comes back: one libvirt connection for one purpose, reopened with back-off when it is lost. */
import { HypervisorError, HypervisorUnavailable } from '../errors.ts';
import { Connection, LibvirtError, LibvirtMissing } from './binding/mod.ts';

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5000;

export interface LinkOptions {
  readonly uri: string;
  /** Runs on every new connection before anybody uses it: registers for events again. */
  readonly onOpen?: (connection: Connection) => Promise<void>;
}

export class Link implements AsyncDisposable {
  readonly #options: LinkOptions;
  #connection: Connection | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reopening: Promise<void> | undefined;
  #closed = false;

  private constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Opens `uri`; rejects with HypervisorUnavailable. */
  static async open(options: LinkOptions): Promise<Link> {
    const link = new Link(options);
    await link.#connect();
    return link;
  }

  /**
   * Runs `task` on the connection. Rejects with HypervisorUnavailable if there is none or it breaks meanwhile, else
   * with what `task` throws.
   */
  async use<T>(task: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = this.#connection;
    if (connection === undefined || !connection.alive) throw this.#unavailable();
    try {
      return await task(connection);
    } catch (error) {
      if (!(error instanceof LibvirtError) || (await connection.isAlive())) throw error;
      this.#lose(connection);
      throw this.#unavailable(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#reopening;
    await this.#connection?.close();
    this.#connection = undefined;
  }

  async #connect(): Promise<void> {
    let connection: Connection | undefined;
    try {
      connection = await Connection.open(this.#options.uri);
      await this.#options.onOpen?.(connection);
    } catch (error) {
      await connection?.close();
      throw this.#unavailable(error);
    }
    const opened = connection;
    opened.onLost(() => this.#lose(opened));
    this.#connection = opened;
  }

  #lose(connection: Connection): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    void connection.close().catch(() => {});
    this.#reopenIn(FIRST_DELAY_MS);
  }

  #reopenIn(delay: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#reopening = this.#connect().catch(() => this.#reopenIn(Math.min(delay * 2, MAX_DELAY_MS)));
    }, delay);
  }

  #unavailable(cause?: unknown): HypervisorError {
    if (cause instanceof HypervisorError) return cause;
    if (cause instanceof LibvirtMissing) {
      return new HypervisorUnavailable('libvirt is not installed', cause.hint, cause);
    }
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    const hint = 'start libvirtd and run as a user who may open its socket, or run with --simulated';
    return new HypervisorUnavailable(`libvirt at ${this.#options.uri} cannot be reached${why}`, hint, cause);
  }
}
