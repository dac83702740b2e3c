/** Where an actor is kept and reached: tests that meddle with either need to know. */
import { type AnyActorDefinition, actorSubject, addressOf, placeOf } from '../../runtime/mod.ts';

export function storedAt({ kind, placement }: AnyActorDefinition, key: string): string {
  return `actor.${kind}.${placeOf(placement, addressOf(kind, key)).token}.${key}`;
}

export function reachedAt({ kind, placement }: AnyActorDefinition, key: string): string {
  const address = addressOf(kind, key);
  return actorSubject(address, placeOf(placement, address).token);
}
