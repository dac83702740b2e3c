/** Output comes in pages of bytes; no page ends within a character, so that pages join as text. */

/** How many of the first bytes are whole UTF-8 characters: all of them, or up to three less; never none of some. */
export function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue;
    // The last character begins here; one that is not UTF-8 at all is left to the decoder.
    const whole = lengthFrom(byte) <= back;
    return whole || back === bytes.length ? bytes.length : bytes.length - back;
  }
  return bytes.length;
}

/** Bytes of a character, by its first. */
function lengthFrom(first: number): number {
  if (first >= 0b1111_0000) return 4;
  if (first >= 0b1110_0000) return 3;
  return first >= 0b1100_0000 ? 2 : 1;
}
