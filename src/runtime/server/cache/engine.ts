import { escapeGlob } from '../redis/scan'
import type { CacheCore } from './core'
import { beginSingleFlight, Budget, isUsable } from './core'
import { encodeEntry } from './entry'
import { AGAIN } from './single-flights'
import { createGet } from './get'
import type { Invalidations } from './invalidations'
import { keepInL1 } from './keep'
import { decodeKey, encodeKey, encodePattern, scopedKey } from './key'
import { lifeOf } from './lifetime'
import { encode, isTooLarge } from './load'
import { lookUp } from './look-up'
import { patternTest, writePattern } from './pattern'
import { encodeTags, resolvePolicy } from './policy'
import { refuseUnknownOptions } from './strict'
import type { CacheEngine, CacheOptions } from './types'

/**
 * Creates the cache of one process: L1, the store behind it, and the rules of coherence between processes.
 *
 * @param core the state that the parts of the engine share
 * @param invalidations deletes entries in this process, in the store and in every other process
 * @param currentScope returns the scope (tenant) of the current call; '' for none
 * @param close stops the timers and the bus
 */
export function createEngine(
  core: CacheCore, invalidations: Invalidations, currentScope: () => string, close: () => Promise<void>,
): CacheEngine {
  const { l1, clock, coherence, stats } = core
  const engine: CacheEngine = {
    get: createGet(core, currentScope),
    peek: (key, options) => peek(core, currentScope(), key, options),
    set: (key, value, options) => set(core, invalidations, currentScope(), key, value, options),
    onInvalidated: listener => invalidations.listen(listener),
    async invalidate(keys, { scope = currentScope(), strict = false } = {}) {
      const list = typeof keys === 'string' ? [keys] : keys
      if (scope === '*') {
        for (const key of list) await invalidations.pattern({ scope, glob: escapeGlob(encodeKey(key)) }, strict)
        return
      }
      await invalidations.keys([...new Set(list)].map(key => scopedKey(scope, encodeKey(key))), strict)
    },
    invalidatePattern: (pattern, { scope = currentScope(), strict = false } = {}) => {
      return invalidations.pattern({ scope, glob: encodePattern(pattern) }, strict)
    },
    async invalidateTags(tags, { scope = currentScope(), strict = false } = {}) {
      const list = typeof tags === 'string' ? [tags] : tags
      if (scope === '*') await invalidations.tagsEverywhere(encodeTags(list, ''), strict)
      else await invalidations.tags(encodeTags(list, scope), strict)
    },
    async keys(pattern, { scope = currentScope() } = {}) {
      const scoped = { scope, glob: encodePattern(pattern) }
      const stored = core.store.holdsEntries ? await core.store.keys(scoped) : l1.matching(patternTest(writePattern(scoped)))
      return stored.map(decodeKey)
    },
    stats,
    close,
    get live() {
      return clock.now() < coherence.liveUntil
    },
    get memory() {
      return { entries: l1.size, bytes: l1.bytes }
    },
    development: core.development,
  }
  if (core.development) refuseUnknownOptions(engine)
  return engine
}

/** Returns the value of a key if it is fresh, without loading it. */
async function peek<T>(
  core: CacheCore, scope: string, key: string, options?: Pick<CacheOptions<T>, 'serializer'>,
): Promise<T | undefined> {
  const { l1, clock, stats, settings } = core
  const stored = scopedKey(scope, encodeKey(key))
  const now = clock.now()
  const entry = l1.get(stored)
  if (entry && now < entry.freshUntil && isUsable(core, entry, now)) {
    stats.l1Hits++
    return entry.value as T
  }
  const policy = resolvePolicy(options as CacheOptions | undefined, settings, scope)
  const flight = beginSingleFlight(core, stored, policy.tags)
  core.flights.begin(flight)
  try {
    const found = await lookUp(core, flight, policy)
    if (found.state !== 'fresh') return undefined
    stats.l2Hits++
    return found.value as T
  }
  catch {
    stats.redisErrors++
    return undefined
  }
  finally {
    flight.resolve(AGAIN)
    core.flights.end(flight)
  }
}

/** Stores a value. Returns false if it could not be stored; the key is then invalidated. */
async function set<T>(
  core: CacheCore, invalidations: Invalidations, scope: string, key: string, value: T, options?: CacheOptions<T>,
): Promise<boolean> {
  const stored = scopedKey(scope, encodeKey(key))
  const policy = resolvePolicy(options as CacheOptions | undefined, core.settings, scope)
  const encoded = encode(core, stored, value, policy)
  if (encoded === undefined) {
    throw new TypeError(`The value for the cache key "${key}" cannot be stored: pass plain data, or set a serializer that supports it.`)
  }
  if (isTooLarge(core, stored, encoded)) {
    await invalidations.keys([stored], false) // A read must not return the old value after this set.
    return false
  }
  const life = lifeOf(policy)
  const budget = new Budget(core.budget, core.clock)
  try {
    const { term } = core.coherence
    // Directly after the start, the term of the master may not be known yet.
    if (term.id === '') await budget.spend(left => core.store.untilTermKnown(left))
    const versions = policy.tags.length === 0 ? [] : await budget.spend(left => core.store.noteTags(policy.tags, life.horizon, left))
    const now = core.clock.wall()
    const header = {
      codec: policy.serializer.codec,
      expires: now + life.fresh,
      horizon: now + life.horizon,
      writeId: core.nextWriteId(),
      cost: 0,
      term: term.id,
      tags: policy.tags,
      versions,
    }
    if (term.id === '') throw new Error('Redis is not available: the connection does not know the master that answers.')
    invalidations.forget(stored)
    await budget.spend(left => core.store.set(stored, encodeEntry(header, encoded.payload), life.horizon, left))
    invalidations.forget(stored)
    if (!core.store.holdsEntries) {
      keepInL1(core, beginSingleFlight(core, stored, policy.tags), header, encoded.value, encoded.payload.length)
    }
    return true
  }
  catch {
    // The write may or may not have arrived. A retry could overwrite a newer value, so the key is invalidated instead.
    core.stats.redisErrors++
    await invalidations.keys([stored], false)
    return false
  }
}
