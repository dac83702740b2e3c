/** The little XML that the driver needs: escape what goes in, read attributes and sizes of what libvirt gives back. */

/** Text as it may stand in an XML attribute or element, whatever it holds. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Attributes of the first element in `xml`, which libxml2 wrote: entities resolved, namespace prefixes kept. */
export function firstElementAttributes(xml: string): ReadonlyMap<string, string> {
  const tag = /<[A-Za-z][^\s/>]*((?:\s+[^\s=]+\s*=\s*(?:"[^"]*"|'[^']*'))*)/.exec(xml)?.[1] ?? '';
  const attributes = new Map<string, string>();
  for (const [, name, double, single] of tag.matchAll(/([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    if (name !== undefined) attributes.set(name, unescapeXml(double ?? single ?? ''));
  }
  return attributes;
}

/** Text of an element or attribute, as it was before it was escaped. */
export function unescapeXml(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g, (entity, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number.parseInt(decimal, 10));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return ENTITIES[name] ?? entity;
  });
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
