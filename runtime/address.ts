/** Addresses of actors: `kind/key`, made so that they are NATS subject tokens and KV keys as well. */
import { MalformedMessage } from './errors.ts';

declare const addressBrand: unique symbol;
/** `kind/key`: kind `[a-z][a-z0-9-]{0,31}`, key `[A-Za-z0-9_-]{1,128}`. */
export type Address = `${string}/${string}` & { readonly [addressBrand]: true };

const KIND = /^[a-z][a-z0-9-]{0,31}$/;
const KEY = /^[A-Za-z0-9_-]{1,128}$/;

/** The address of the actor `key` of `kind`. Throws {@link MalformedMessage} naming `kind` or `key`. */
export function addressOf(kind: string, key: string): Address {
  if (!KIND.test(kind)) {
    throw new MalformedMessage(`actor kind ${JSON.stringify(kind)} is malformed`, {
      field: 'kind',
      hint: 'a lower-case letter, then at most 31 of a-z, 0-9 and -',
    });
  }
  if (!KEY.test(key)) {
    throw new MalformedMessage(`actor key ${JSON.stringify(key)} is malformed`, {
      field: 'key',
      hint: '1 to 128 of A-Z, a-z, 0-9, _ and -',
    });
  }
  return `${kind}/${key}` as Address;
}

/** Checks text that claims to be an address. Throws {@link MalformedMessage}. */
export function parseAddress(text: string): {
  readonly kind: string;
  readonly key: string;
  readonly address: Address;
} {
  const slash = text.indexOf('/');
  if (slash < 0) {
    throw new MalformedMessage(`${JSON.stringify(text)} is not an address`, {
      field: 'address',
      hint: 'kind/key',
    });
  }
  const kind = text.slice(0, slash);
  const key = text.slice(slash + 1);
  return { kind, key, address: addressOf(kind, key) };
}

/** The NATS subject on which the actor of `address` is reached: `shadowgrid.actor.KIND.PLACE.KEY`; for `place` see `placeOf`. */
export function actorSubject(address: Address, place: string): string {
  return `shadowgrid.actor.${address.replace('/', `.${place}.`)}`;
}
