/**
 * Finds the shard of an id by `hash % number of shards`, for data that was distributed with this formula.
 *
 * The formula also reads prefixes: `us-7` is on the shard `us`. An id with a dash but without the name of a shard before it, such as
 * a UUID, is on `fallback`.
 *
 * Use it for existing data only. A different number of shards moves almost all ids (4 of 5 when a fifth shard is added), and the hash
 * is uneven. With 31 shards, for example, only the last character of a short id counts.
 *
 * @param shards the shards in the order with which the data was distributed
 * @param fallback shard of ids with an unknown prefix; if undefined, such ids are hashed
 */
export function moduloShard(id: string, shards: readonly string[], fallback?: string): string {
  const dash = id.indexOf('-')
  if (dash >= 0) {
    const prefix = id.slice(0, dash)
    if (shards.includes(prefix)) return prefix
    if (fallback !== undefined) return fallback
  }
  return shards[moduloHash(id) % shards.length]!
}

/** The absolute value of Java's 32-bit string hash: 31 times the hash so far plus the next UTF-16 unit. */
export function moduloHash(text: string): number {
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (hash << 5) - hash + text.charCodeAt(at) | 0
  return Math.abs(hash)
}
