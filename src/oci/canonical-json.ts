/** JSON as it is hashed: keys in the order given, no whitespace, UTF-8. */
export function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** Annotations in one order, whatever order they were collected in. */
export function sortedByKey(annotations: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
