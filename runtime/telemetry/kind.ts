/** The kind of actor that an address names. */

/** `job` of `job/j-1`. */
export function kindOf(address: string): string {
  return address.slice(0, address.indexOf('/'));
}
