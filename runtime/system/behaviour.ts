/** Connects what a kind does on the world (its behaviour) with its cells: effects, their causes, inspection. */
import type { AnyActorDefinition, CellHooks, InspectionRecord, LiveActor, Occasion } from '../cell/mod.ts';
import { asGridError, type GridError } from '../errors.ts';
import type { ActorTelemetry } from '../telemetry/mod.ts';
import type { ActorBehaviour, ActorContext, ActorRef, ActorSystem, FailureReport } from './port.ts';

/** What of a system its cells' hooks use. */
export interface Stage {
  readonly system: ActorSystem;
  readonly watchers: ReadonlySet<(record: InspectionRecord) => void>;
  /** Of the effect that is being carried out right now. */
  cause: string | undefined;
  /** Its traceparent. */
  trace: string | undefined;
  readonly telemetry: ActorTelemetry;
  ref(definition: AnyActorDefinition, key: string): ActorRef;
  report(report: FailureReport): void;
  now(): number;
  nextId(): string;
  /** The actor is another than before; watchers are to know. */
  changed(actor: LiveActor): void;
  /** The cell is out of memory. */
  left(actor: LiveActor, reason: Parameters<CellHooks['onEnd']>[1], error?: GridError): void;
}

export function cellHooks(
  definition: AnyActorDefinition,
  behaviour: ActorBehaviour,
  stage: Stage,
): CellHooks {
  const { system, watchers } = stage;
  const contextOf = (
    { key, generation }: LiveActor,
    { snapshot, incarnation, cause, trace }: Occasion,
  ): ActorContext => ({
    self: stage.ref(definition, key),
    key,
    system,
    snapshot: snapshot as never,
    get signal() {
      return incarnation.signal;
    },
    ...(generation !== undefined && { generation }),
    ...(cause !== undefined && { cause }),
    ...(trace !== undefined && { trace }),
  });
  const escalate = async ({ key, address }: LiveActor, error: GridError) => {
    try {
      await behaviour.onEscalate?.(error, { key, system });
    } catch (thrown) {
      stage.report({ address, error: asGridError(thrown), outcome: 'undelivered' });
    }
  };
  return {
    onChange: (actor) => {
      stage.changed(actor);
      behaviour.onChange?.(actor.snapshot as never, { key: actor.key, system });
    },
    onEffect: (cell, effect, occasion) => {
      // Another actor's effect may be what this one runs within.
      const { cause, trace } = stage;
      stage.cause = occasion.cause;
      stage.trace = occasion.trace;
      try {
        return behaviour.onEffect?.(effect as never, contextOf(cell, occasion));
      } finally {
        stage.cause = cause;
        stage.trace = trace;
      }
    },
    onResume: (cell, occasion) => behaviour.onResume?.(occasion.snapshot as never, contextOf(cell, occasion)),
    onFailure: (actor, error, outcome, trace) => {
      // Of what is kept in part, what was not kept is lost.
      if (outcome === 'restarted') stage.changed(actor);
      stage.report({ address: actor.address, error, outcome, ...(trace !== undefined && { trace }) });
    },
    handling: ({ address }, type, trace, mode) => stage.telemetry.handling(address, type, trace, mode),
    onRefused: ({ address }, error) => stage.telemetry.refused(address, error),
    onEnd: (cell, reason, error) => {
      stage.left(cell, reason, error);
      if (reason === 'failed' && error !== undefined) void escalate(cell, error);
    },
    get inspecting() {
      return watchers.size > 0;
    },
    inspect: ({ address }, kind, details) => {
      const record = { id: stage.nextId(), address, t: stage.now(), kind, ...details };
      for (const watcher of watchers) watcher(record);
    },
  };
}
