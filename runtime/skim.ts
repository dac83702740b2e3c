/** A look over MessagePack before it is decoded: what it says of its own size must be true, and it must not nest too deep. */

/** What is wrong with the bytes, or undefined; allocates nothing. Lengths that lie would have a decoder reserve memory. */
export function skim(bytes: Uint8Array, maxDepth: number): 'too deep' | 'cut short' | undefined {
  const deepest = Math.min(maxDepth, left.length);
  let depth = 0;
  let at = 0;
  const total = bytes.length;
  while (true) {
    if (at >= total) return 'cut short';
    const first = bytes[at++]!;
    const layout = LAYOUT[first]!;
    let length = layout & 0xff;
    const lengthBytes = (layout >> 8) & 0xf;
    if (lengthBytes > 0) {
      if (at + lengthBytes > total) return 'cut short';
      let stated = 0;
      for (let i = 0; i < lengthBytes; i++) stated = stated * 256 + bytes[at++]!;
      length += stated;
    }
    const nests = layout >> 12;
    if (nests === 0) at += length;
    else {
      const items = length * nests;
      // Every item is at least one byte.
      if (items > total - at) return 'cut short';
      if (depth === deepest) return 'too deep';
      if (items > 0) {
        left[depth++] = items;
        continue;
      }
    }
    if (at > total) return 'cut short';
    while (depth > 0) {
      left[depth - 1]! -= 1;
      if (left[depth - 1]! > 0) break;
      depth -= 1;
    }
    if (depth === 0) return undefined;
  }
}

/** Items that are still to come, per level. */
const left = new Float64Array(256);

/** Per first byte: bytes (or items) in bits 0-7, bytes of a length that follows in 8-11, items per unit in 12 and up. */
const LAYOUT: Uint16Array = (() => {
  const layout = new Uint16Array(256);
  const lengthBytes = (count: number) => count << 8;
  const array = 1 << 12;
  const map = 2 << 12;
  for (let n = 0; n < 16; n++) {
    layout[0x80 + n] = map | n;
    layout[0x90 + n] = array | n;
  }
  for (let n = 0; n < 32; n++) layout[0xa0 + n] = n;
  // bin 8-32; ext 8-32 with a type; float, uint and int; fixext with a type; str 8-32; array; map
  layout.set([lengthBytes(1), lengthBytes(2), lengthBytes(4)], 0xc4);
  layout.set([lengthBytes(1) | 1, lengthBytes(2) | 1, lengthBytes(4) | 1], 0xc7);
  layout.set([4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17], 0xca);
  layout.set([lengthBytes(1), lengthBytes(2), lengthBytes(4)], 0xd9);
  layout.set(
    [array | lengthBytes(2), array | lengthBytes(4), map | lengthBytes(2), map | lengthBytes(4)],
    0xdc,
  );
  return layout;
})();
