import { escapeGlob } from '../redis/scan'
import type { CacheCore } from './core'
import { Budget } from './core'
import { encodeEntry } from './entry'
import type { Landing } from './flights'
import { AGAIN, Flight, PERSONAL } from './flights'
import type { Invalidations } from './invalidations'
import { keepInL1, refreshEarly } from './keep'
import { decodeKey, encodeKey, encodePattern, scopedKey } from './key'
import type { L1Entry } from './l1'
import type { Lease } from './load'
import { encode, leadLoad, lifeOf, loadUnwritten } from './load'
import { patternTest, writePattern } from './pattern'
import type { Policy } from './policy'
import { encodeTags, resolvePolicy } from './policy'
import type { Found } from './look-up'
import { lookUp } from './look-up'
import { SILENCE } from './bus'
import type { CacheEngine, CacheLoader, CacheOptions, CacheSource } from './types'

/** One call reads again at most this often because an entry changed under it; then it loads without storing. */
const MOST_CHANGES = 20
/** A marker of a failed load binds callers without a stale value this long, in ms: they load, each process once, and do not store. */
const FAILED_BINDS = 1000
/** First and longest pause between two looks at a key that another process loads. The bus usually ends the wait sooner. */
const FIRST_POLL = 50
const LONGEST_POLL = 500
/** How long a stale L1 entry waits before it asks for the lease again. */
const REFRESH_PAUSE = 1000
const REFRESH_PAUSE_AFTER_FAILURE = 10_000

/** The loader's own error, told apart from the store's. */
class LoadFailure {
  readonly cause: unknown

  constructor(cause: unknown) {
    this.cause = cause
  }
}

/** One call of `get`, as it goes through its steps. */
interface Call {
  key: string
  scope: string
  load: CacheLoader<unknown>
  policy: Policy
}

/**
 * The cache of one process: L1, the store behind it, and the rules of coherence between processes.
 *
 * @param core what the parts share
 * @param invalidations how entries are taken away, here and everywhere
 * @param currentScope the scope (tenant) of the current call; '' for none
 * @param close stops what feeds the engine
 */
export function createEngine(core: CacheCore, invalidations: Invalidations, currentScope: () => string, close: () => Promise<void>): CacheEngine {
  const { l1, clock, coherence, stats, settings } = core

  function get<T>(key: string, load: CacheLoader<T>, options?: CacheOptions<T> | number): Promise<T> {
    const scope = currentScope()
    let stored = key
    let entry = scope === '' ? l1.get(key) : undefined
    // An entry under a plain key can only be this caller's, so a hit need not encode the key to find out.
    if (entry === undefined || !entry.plainKey) {
      try {
        stored = scopedKey(scope, encodeKey(key))
      }
      catch (error) {
        return Promise.reject(error)
      }
      entry = l1.get(stored)
    }
    if (entry !== undefined) {
      const now = clock.now()
      if (now < entry.freshUntil && now < coherence.liveUntil && entry.epoch === coherence.epoch
        && (options === undefined || typeof options === 'number' || acceptsHit(options as CacheOptions, entry, now))) {
        stats.l1Hits++
        return entry.promise as Promise<T>
      }
    }
    return getPastL1(stored, scope, load, options as CacheOptions | number | undefined, entry) as Promise<T>
  }

  /** The rarer options of a hit. The source is told here, so that a hit without listener does not pay for it. */
  function acceptsHit(options: CacheOptions, entry: L1Entry, now: number): boolean {
    if (options.validate !== undefined && !options.validate(entry.value)) return false
    if (options.earlyRefresh && refreshEarly({ earlyRefresh: Number(options.earlyRefresh) }, entry.expires - now, entry.cost)) return false
    options.onSource?.('l1')
    return true
  }

  function getPastL1(key: string, scope: string, load: CacheLoader<unknown>, options: CacheOptions | number | undefined, entry: L1Entry | undefined): Promise<unknown> {
    let policy: Policy
    try {
      policy = resolvePolicy(options, settings, scope)
    }
    catch (error) {
      return Promise.reject(error)
    }
    return proceed({ key, scope, load, policy }, entry)
  }

  function proceed(call: Call, entry: L1Entry | undefined): Promise<unknown> {
    const now = clock.now()
    if (entry !== undefined && entry.epoch === coherence.epoch && now < coherence.liveUntil) {
      const served = serveHeld(call, entry, now)
      if (served !== undefined) return served
    }
    const flight = core.flights.get(call.key)
    return flight !== undefined && mayJoin(flight, now) ? join(call, flight) : fly(call, now)
  }

  /** A usable L1 entry that is not a plain hit: due for an early refresh, or stale. */
  function serveHeld(call: Call, entry: L1Entry, now: number): Promise<unknown> | undefined {
    const { policy } = call
    const staleUntil = Math.min(entry.expires + policy.staleTtl, entry.horizon, entry.heldUntil)
    if (now >= staleUntil && now >= entry.freshUntil) return undefined
    if (policy.validate !== undefined && !policy.validate(entry.value)) return undefined
    refresh(call, entry.writeId, entry)
    if (now < entry.freshUntil) {
      stats.l1Hits++
      tell(policy, 'l1')
    }
    else {
      stats.staleHits++
      tell(policy, 'stale')
    }
    return entry.promise
  }

  /** A flight may be joined while nothing says, or could have said without being heard, that its value is old. */
  function mayJoin(flight: Flight, now: number): boolean {
    return !flight.dirty && flight.epoch === coherence.epoch && (now < coherence.liveUntil || now - flight.began < SILENCE)
  }

  async function join(call: Call, flight: Flight): Promise<unknown> {
    const arrival = await flight.join()
    if (arrival === PERSONAL) return loadAlone(call)
    if (arrival === AGAIN) return proceed(call, l1.get(call.key))
    tell(call.policy, arrival.source)
    return arrival.value
  }

  async function fly(call: Call, now: number): Promise<unknown> {
    const flight = new Flight(call.key, coherence.epoch, now, core.heardTags.count, call.policy.tags)
    core.flights.begin(flight)
    try {
      const landing = await journey(call, flight)
      flight.land(landing.personal ? PERSONAL : landing)
      tell(call.policy, landing.source)
      return landing.value
    }
    catch (error) {
      flight.fail(error)
      throw error
    }
    finally {
      core.flights.end(flight)
    }
  }

  /** Read, and when there is nothing to serve compete for the load or wait for whoever won it. */
  async function journey(call: Call, flight: Flight): Promise<Landing> {
    const { policy, key } = call
    let budget: Budget | undefined
    let pause = FIRST_POLL
    let rescue: Found | undefined
    let changes = 0
    try {
      for (;;) {
        const found = await lookUp(core, flight, policy, budget)
        if (found.state === 'fresh') return hit(call, found)
        if (found.state === 'stale') return stale(call, found)
        rescue = found.state === 'rescue' ? found : undefined
        budget ??= new Budget(core.budget - (clock.now() - flight.began), clock)
        const token = core.nextWriteId()
        const answer = await budget.spend(left => core.store.acquire(key, found.writeId, token, rescue ? undefined : FAILED_BINDS, left))
        if (answer.state === 'won') return await lead(call, flight, { token, time: answer.time, scope: call.scope }, budget, rescue)
        if (answer.state === 'changed' && ++changes < MOST_CHANGES) continue
        if (answer.state === 'uncacheable') return await loadPersonal(call, flight)
        const waited = clock.now() - flight.began
        if (rescue && (answer.state === 'failed' || waited >= policy.softTimeout)) return rescued(rescue)
        if (answer.state !== 'held' || !policy.lease || waited >= policy.timeout) break
        await core.waiters.wait(key, Math.min(pause, policy.timeout - waited, rescue ? policy.softTimeout - waited : Infinity))
        pause = Math.min(pause * 2, LONGEST_POLL)
        budget = new Budget(core.budget, clock)
      }
    }
    catch (error) {
      if (error instanceof LoadFailure) throw error.cause
      stats.redisErrors++
      const held = rescue ?? heldForRescue(key, policy)
      if (held) return rescued(held)
    }
    return loadUnwritten(core, flight, call.load, policy, call.scope)
  }

  function hit(call: Call, found: Found): Landing {
    stats.l2Hits++
    if (refreshEarly(call.policy, found.entry!.expires - clock.wall(), found.entry!.cost)) refresh(call, found.writeId)
    return { value: found.value, source: 'l2' }
  }

  function stale(call: Call, found: Found): Landing {
    stats.staleHits++
    refresh(call, found.writeId, l1.get(call.key))
    return { value: found.value, source: 'stale' }
  }

  function rescued(found: { value: unknown }): Landing {
    stats.staleHits++
    return { value: found.value, source: 'stale' }
  }

  /** While Redis is away, L1 answers within the caller's staleIfError, of whatever epoch it is. */
  function heldForRescue(key: string, policy: Policy): { value: unknown } | undefined {
    const entry = l1.get(key)
    return entry !== undefined && policy.staleIfError > 0 && clock.now() < Math.min(entry.expires + policy.staleIfError, entry.horizon) ? entry : undefined
  }

  async function lead(call: Call, flight: Flight, lease: Lease, budget: Budget, rescue: Found | undefined): Promise<Landing> {
    try {
      return await leadLoad(core, flight, lease, call.load, call.policy, budget)
    }
    catch (error) {
      if (rescue) return rescued(rescue)
      throw new LoadFailure(error)
    }
  }

  /** The last load gave something that may not be shared: let those who wait go, and load for this caller alone. */
  async function loadPersonal(call: Call, flight: Flight): Promise<Landing> {
    core.flights.end(flight)
    flight.land(PERSONAL)
    return { value: await loadAlone(call, true), source: 'uncacheable', personal: true }
  }

  async function loadAlone(call: Call, silent = false): Promise<unknown> {
    const flight = new Flight(call.key, coherence.epoch, clock.now(), core.heardTags.count, call.policy.tags)
    const { value } = await loadUnwritten(core, flight, call.load, call.policy, call.scope)
    stats.uncacheable++
    if (!silent) tell(call.policy, 'uncacheable')
    return value
  }

  /** Reloads in the background what is served meanwhile. One at a time in this process; the lease decides between processes. */
  function refresh(call: Call, writeId: string, held?: L1Entry): void {
    const { key, policy } = call
    const now = clock.now()
    const running = core.refreshes.get(key)
    if (running !== undefined && mayJoin(running, now)) return
    if (held !== undefined) {
      if (now < held.refreshAfter) return
      held.refreshAfter = now + REFRESH_PAUSE
    }
    const flight = new Flight(key, coherence.epoch, now, core.heardTags.count, policy.tags)
    core.refreshes.begin(flight)
    const work = reload(call, flight, writeId, held)
      .catch((error) => {
        if (held) held.refreshAfter = clock.now() + REFRESH_PAUSE_AFTER_FAILURE
        if (!(error instanceof LoadFailure)) {
          stats.redisErrors++
          return
        }
        core.log.error(`Refreshing the cache key "${key}" failed; its old value is served meanwhile.`, error.cause)
        policy.onRefreshError?.(error.cause)
      })
      .finally(() => core.refreshes.end(flight))
    policy.waitUntil?.(work)
  }

  async function reload(call: Call, flight: Flight, writeId: string, held: L1Entry | undefined): Promise<void> {
    const budget = new Budget(core.budget, clock)
    const token = core.nextWriteId()
    const answer = await budget.spend(left => core.store.acquire(call.key, writeId, token, undefined, left))
    if (answer.state === 'won') await lead(call, flight, { token, time: answer.time, scope: call.scope }, budget, undefined)
    else if (answer.state === 'changed') l1.delete(call.key)
    else if (answer.state !== 'held' && held) held.refreshAfter = clock.now() + REFRESH_PAUSE_AFTER_FAILURE
  }

  async function peek<T>(key: string, options?: Pick<CacheOptions<T>, 'serializer'>): Promise<T | undefined> {
    const scope = currentScope()
    const stored = scopedKey(scope, encodeKey(key))
    const now = clock.now()
    const entry = l1.get(stored)
    if (entry && now < entry.freshUntil && now < coherence.liveUntil && entry.epoch === coherence.epoch) {
      stats.l1Hits++
      return entry.value as T
    }
    const policy = resolvePolicy(options as CacheOptions | undefined, settings, scope)
    const flight = new Flight(stored, coherence.epoch, now, core.heardTags.count, policy.tags)
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
      flight.land(AGAIN)
      core.flights.end(flight)
    }
  }

  async function set<T>(key: string, value: T, options?: CacheOptions<T>): Promise<boolean> {
    const scope = currentScope()
    const stored = scopedKey(scope, encodeKey(key))
    const policy = resolvePolicy(options as CacheOptions | undefined, settings, scope)
    const encoded = encode(core, stored, value, policy)
    if (encoded === undefined) throw new TypeError(`The value for the cache key "${key}" cannot be stored: pass plain data, or set a serializer that holds it.`)
    const life = lifeOf(policy)
    const budget = new Budget(core.budget, clock)
    try {
      const versions = policy.tags.length === 0 ? [] : await budget.spend(left => core.store.noteTags(policy.tags, life.horizon, left))
      const now = clock.wall()
      const header = { codec: policy.serializer.codec, expires: now + life.fresh, horizon: now + life.horizon, writeId: core.nextWriteId(), cost: 0, tags: policy.tags, versions }
      invalidations.forget(stored)
      await budget.spend(left => core.store.set(stored, encodeEntry(header, encoded.payload), life.horizon, left))
      invalidations.forget(stored)
      if (!core.store.holdsEntries) keepInL1(core, new Flight(stored, coherence.epoch, clock.now(), 0, policy.tags), header, encoded.value, encoded.payload.length)
      return true
    }
    catch {
      // Whether the write arrived is unknown, and sent again it could bury a newer one: take the key away instead.
      stats.redisErrors++
      await invalidations.keys([stored], false)
      return false
    }
  }

  return {
    get,
    peek,
    set,
    async invalidate(keys, { scope = currentScope(), strict = false } = {}) {
      const list = typeof keys === 'string' ? [keys] : keys
      if (scope === '*') {
        for (const key of list) await invalidations.pattern({ scope, glob: escapeGlob(encodeKey(key)) }, strict)
        return
      }
      await invalidations.keys([...new Set(list)].map(key => scopedKey(scope, encodeKey(key))), strict)
    },
    invalidatePattern: (pattern, { scope = currentScope(), strict = false } = {}) => invalidations.pattern({ scope, glob: encodePattern(pattern) }, strict),
    async invalidateTags(tags, { scope = currentScope(), strict = false } = {}) {
      if (scope === '*') throw new Error('invalidateCacheTags cannot take scope: \'*\': tags are versions a scope each, so name the scope, or invalidate a pattern in every scope.')
      await invalidations.tags(encodeTags(typeof tags === 'string' ? [tags] : tags, scope), strict)
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
  }

  function tell(policy: Policy, source: CacheSource): void {
    policy.onSource?.(source)
  }
}
