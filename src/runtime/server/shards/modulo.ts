/**
 * Where `hash % number of shards` puts an id: the old formula, for data that was laid out by it. Its prefix is part of it:
 * `us-7` is on the shard `us`, and an id with a dash whose beginning is no shard is on the fallback, so all UUIDs are.
 *
 * Its fault: another number of shards sends almost every id elsewhere (4 of 5 ids when a fifth shard comes), and its hash is uneven.
 * For a number of shards that 31 divides, only the last character of an id counts.
 *
 * @param shards in the order that the data was laid out by
 * @param fallback undefined hashes an id whose beginning is no shard like any other
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

/** 31 times the hash so far plus the next UTF-16 unit, in 32 bits, without its sign. */
export function moduloHash(text: string): number {
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (hash << 5) - hash + text.charCodeAt(at) | 0
  return Math.abs(hash)
}
