/** Messages to actors: which node each is for, how long it is tried, and what it means to take one. */
import { type Address, actorSubject, addressOf } from '../address.ts';
import { type ActorMessage, type AnyActorDefinition, Cell, type CommandPosition } from '../cell/mod.ts';
import type { Clock } from '../clock.ts';
import { checkEnvelope, type Envelope, malformed } from '../envelope.ts';
import { DeadlineExceeded, MalformedMessage, UnknownKind } from '../errors.ts';
import { type Place, placeOf } from '../place.ts';
import type { Mux } from '../transport/mod.ts';
import type { Stage } from './behaviour.ts';
import { positionOf } from './durable.ts';
import { untilOwned, withinDeadline } from './patience.ts';
import type { Found, Kind, Population, Resident } from './population.ts';
import type { AskOptions } from './port.ts';
import type { Tenancy } from './tenancy.ts';

/** What a message asks of an actor's node: to take it, or to make or unmake the actor. */
type Mode = Envelope['mode'];

/** A message under way to an actor. */
interface Errand {
  readonly definition: AnyActorDefinition;
  readonly address: Address;
  readonly key: string;
  readonly place: Place;
  readonly mode: Mode;
  readonly message: ActorMessage;
  readonly id: string;
  readonly cause: string | undefined;
  readonly trace?: string | undefined;
  readonly command?: CommandPosition | undefined;
}

export interface PostWiring {
  readonly node: string;
  readonly clock: Clock;
  readonly mux: Mux;
  readonly population: Population;
  readonly stage: Pick<Stage, 'cause' | 'trace' | 'nextId'>;
  /** Only in a cluster. */
  readonly tenancy: () => Tenancy | undefined;
  /** Calls to what lives elsewhere are sent again until somebody owns it. */
  readonly awaitOwner: boolean;
  readonly knows: (kind: string) => boolean;
  /** Throws `UnknownKind`. */
  readonly kind: (name: string) => Kind;
  readonly remove: (definition: AnyActorDefinition, address: Address, key: string) => Promise<void>;
}

/** Of an ask that does not say. */
const DEADLINE_MS = 5_000;

/** Whom a subject reaches. */
interface Reached {
  readonly address: Address;
  readonly kind: string;
  readonly key: string;
  readonly place: Place;
}

/** Subjects remembered; beyond that they are all forgotten, and looked up again. */
const MOST_REACHED = 65_536;

export class Post {
  readonly #wiring: PostWiring;
  readonly #reached = new Map<string, Reached>();

  constructor(wiring: PostWiring) {
    this.#wiring = wiring;
  }

  /** A message from another node. A promise only where there is something to wait for. */
  receive(body: unknown, subject: string, direct: boolean): unknown {
    const known = this.#reached.get(subject);
    const envelope = checkEnvelope(body, known?.address);
    const { id, to, type, mode, deadline, cause, trace } = envelope;
    const command = mode === 'command' ? positionOf(envelope) : undefined;
    const { kind, key, place } = known?.address === to ? known : this.#reach(to, subject);
    const { definition } = this.#wiring.kind(kind);
    if ((mode === 'spawn' || mode === 'remove') && this.#wiring.tenancy() === undefined) {
      throw new MalformedMessage(`envelope: mode: actors of this node are made and removed by it alone`, {
        field: 'mode',
        hint: 'ask, tell or command; in a cluster also spawn and remove',
      });
    }
    if (deadline !== undefined && deadline < this.#wiring.clock.now()) {
      throw new DeadlineExceeded(`message ${id} to ${to}`, 0);
    }
    const unanswered = this.#wiring.tenancy()?.turnAway(place.slot, to, direct);
    if (unanswered !== undefined) return unanswered;
    const message = { ...envelope.body, type };
    return this.#take({
      definition,
      address: to,
      key,
      place,
      mode,
      message,
      id: cause ?? id,
      cause,
      trace,
      command,
    });
  }

  /** Every message says both its subject and its address: what they have to do with each other is found out once. */
  #reach(address: Address, subject: string): Reached {
    const slash = address.indexOf('/');
    const [kind, key] = [address.slice(0, slash), address.slice(slash + 1)];
    const place = placeOf(this.#wiring.kind(kind).definition.placement, address);
    if (actorSubject(address, place.token) !== subject) {
      throw new MalformedMessage(`envelope: to: ${address} is not who ${subject} reaches`, { field: 'to' });
    }
    if (this.#reached.size >= MOST_REACHED) this.#reached.clear();
    const reached = { address, kind, key, place };
    this.#reached.set(subject, reached);
    return reached;
  }

  /** A message from this node, to an actor here or elsewhere. `command`: where it stands in its log. */
  send(
    definition: AnyActorDefinition,
    key: string,
    message: ActorMessage,
    mode: Mode,
    options: AskOptions,
    command?: CommandPosition,
  ): Promise<unknown> {
    const address = addressOf(definition.kind, key);
    const id = this.#wiring.stage.nextId();
    // What an effect sends before it first waits for something is brought about by what brought the effect about.
    const {
      deadlineMs = DEADLINE_MS,
      signal,
      cause = this.#wiring.stage.cause,
      trace = this.#wiring.stage.trace,
    } = options;
    const place = placeOf(definition.placement, address);
    const errand: Errand = {
      definition,
      address,
      key,
      place,
      mode,
      message,
      id: cause ?? id,
      cause,
      trace,
      command,
    };
    const tenancy = this.#wiring.tenancy();
    if (tenancy === undefined && this.#wiring.knows(definition.kind))
      return this.#here(errand, deadlineMs, signal);
    const attempt = (leftMs: number) =>
      tenancy?.lives(place.slot)
        ? this.#here(errand, leftMs, signal)
        : this.#elsewhere(errand, id, leftMs, signal);
    const patient = tenancy !== undefined || this.#wiring.awaitOwner;
    return patient ? untilOwned(attempt, this.#wiring.clock, deadlineMs, signal) : attempt(deadlineMs);
  }

  /** A durable command to an actor of a kind that is not known here. Throws `UnknownKind` if it does not say where. */
  async forward(envelope: Envelope, command: CommandPosition): Promise<unknown> {
    const { clock, mux } = this.#wiring;
    const { to, place } = envelope;
    if (place === undefined) throw new UnknownKind(to.slice(0, to.indexOf('/')));
    const { name, ...position } = command;
    const marked = { ...position, ...(name !== undefined && { name }) };
    const attempt = (deadlineMs: number) => {
      const deadline = clock.now() + deadlineMs;
      return mux.request(actorSubject(to, place), { ...envelope, deadline, command: marked }, { deadlineMs });
    };
    return await untilOwned(attempt, clock, DEADLINE_MS);
  }

  #here(errand: Errand, deadlineMs: number, signal?: AbortSignal): Promise<unknown> {
    const taking = async () => this.#take(errand);
    const taken = taking();
    return errand.mode === 'tell'
      ? taken
      : withinDeadline(taken, this.#wiring.clock, errand.address, deadlineMs, signal);
  }

  #elsewhere(errand: Errand, id: string, deadlineMs: number, signal?: AbortSignal): Promise<unknown> {
    const { address, place, mode, cause, trace, command } = errand;
    const { type, ...body } = errand.message;
    const envelope: Envelope = {
      v: 1,
      id,
      to: address,
      from: this.#wiring.node,
      type,
      body,
      mode,
      deadline: this.#wiring.clock.now() + deadlineMs,
      ...(cause !== undefined && { cause }),
      ...(trace !== undefined && { trace }),
      ...(command !== undefined && { command }),
    };
    return this.#wiring.mux.request(actorSubject(address, place.token), envelope, {
      deadlineMs,
      ...(signal !== undefined && { signal }),
    });
  }

  /** By this node, which owns the actor's place. A promise only where there is something to wait for. */
  #take(errand: Errand): unknown {
    const { definition, address, key, place, mode, message } = errand;
    const kind = this.#wiring.kind(definition.kind);
    const resident = { kind, address, key, tenure: this.#wiring.tenancy()?.tenure(place.slot) };
    if (mode === 'spawn') {
      return this.#wiring.population.create(resident, (message as { input?: unknown }).input, errand.cause);
    }
    if (mode === 'remove') return this.#wiring.remove(definition, address, key);
    return this.#deliver(resident, errand);
  }

  #deliver(resident: Resident, { mode, message, id, trace, command }: Errand): unknown {
    const { address, kind } = resident;
    const { definition } = kind;
    const checked = definition.message.safeParse(message);
    if (!checked.success) throw malformed(`message to ${address}`, checked.error);
    const take = (found: Found) => {
      if (!(found instanceof Cell))
        return mode === 'ask' ? definition.answer(found.finished, checked.data) : undefined;
      if (mode === 'tell') return found.deliver({ message: checked.data, id, mode, trace });
      return new Promise((resolve, reject) =>
        found.deliver({ message: checked.data, id, mode, trace, command, resolve, reject }),
      );
    };
    const cell = this.#wiring.population.cell(address);
    return cell === undefined ? this.#wiring.population.wake(resident).then(take) : take(cell);
  }
}
