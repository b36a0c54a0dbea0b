/** Values by key, of which a fixed number is kept. */
export interface Groups<Value> {
  /** Returns the value of a key and marks it as used, or creates it. */
  use: (key: string, create: () => Value) => Value
  find: (key: string) => Value | undefined
  /** All values, the most recently used first. */
  values: () => Value[]
  readonly size: number
}

/** Part of the groups that keys with a single use can always take. */
const PROBATION = 0.25

/**
 * Creates bounded groups. A key that was used once waits in a probation segment; a second use moves it to the protected segment. If the
 * groups are full, the least recently used key of the probation segment is dropped. A flood of keys that never repeat therefore drops
 * only other keys with a single use.
 *
 * @see Karedla, Love and Wherry, "Caching strategies to improve disk system performance" (segmented LRU)
 */
export function createGroups<Value>(most: number): Groups<Value> {
  const probation = new Map<string, Value>()
  const kept = new Map<string, Value>()
  const mostKept = Math.floor(most * (1 - PROBATION))

  function keep(key: string, value: Value): void {
    kept.set(key, value)
    if (kept.size <= mostKept) return
    const [oldest, dropped] = kept.entries().next().value!
    kept.delete(oldest)
    probation.set(oldest, dropped)
  }

  function trim(): void {
    while (probation.size + kept.size > most) probation.delete(probation.keys().next().value!)
  }

  return {
    use(key, create) {
      const known = kept.get(key) ?? probation.get(key)
      if (known === undefined) {
        const value = create()
        probation.set(key, value)
        trim()
        return value
      }
      kept.delete(key)
      probation.delete(key)
      keep(key, known)
      trim()
      return known
    },
    find: key => kept.get(key) ?? probation.get(key),
    values: () => [...probation.values(), ...kept.values()].reverse(),
    get size() {
      return probation.size + kept.size
    },
  }
}
