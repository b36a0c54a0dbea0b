import { instrument } from '../core/instruments'
import type { CacheCore } from './core'
import { SILENCE } from './bus'
import { manualReads } from './count-reads'
import { beginSingleFlight, Budget, isClean, isUsable } from './core'
import type { SingleFlight, LoadResult } from './single-flights'
import { AGAIN, PERSONAL } from './single-flights'
import { refreshEarly } from './lifetime'
import { encodeKey, scopedKey } from './key'
import type { L1Entry } from './l1'
import type { Lease } from './load'
import { compete, leadLoad, loadUnwritten } from './load'
import type { Found } from './look-up'
import { lookUp } from './look-up'
import type { Policy } from './policy'
import { resolvePolicy } from './policy'
import { WaitForLoad } from './wait-for-load'
import type { CacheEngine, CacheLoader, CacheOptions, CacheReads, CacheSource } from './types'

/** A call reads again at most this often because the entry changed meanwhile. After that it loads without storing. */
const MOST_CHANGES = 20
/**
 * Age in ms from which a caller without a stale value may take over a `failed` marker.
 * Until then each process loads once for itself and does not store the value.
 */
const FAILED_BINDS = 1000
/** Pause in ms before a stale L1 entry competes for the lease again. */
const REFRESH_PAUSE = 1000
const REFRESH_PAUSE_AFTER_FAILURE = 10_000

const leases = instrument('scale.cache.lease')

/** Wraps an error of the loader, to distinguish it from an error of the store. */
class LoadFailure {
  readonly cause: unknown

  constructor(cause: unknown) {
    this.cause = cause
  }
}

/** A value that may be served when the load fails. */
type Held = Pick<LoadResult, 'value' | 'tags'>

/** The parameters of one call of `get`. */
interface Call {
  core: CacheCore
  key: string
  scope: string
  load: CacheLoader<unknown>
  policy: Policy
}

/**
 * Creates `get` of the engine. It reads L1, then the store, and then runs the loader. Concurrent calls for a key share one load.
 *
 * @param core the state that the parts of the engine share
 * @param currentScope returns the scope (tenant) of the current call; '' for none
 */
export function createGet(core: CacheCore, currentScope: () => string): CacheEngine['get'] {
  const { l1, clock, stats } = core

  return function get<T>(key: string, load: CacheLoader<T>, options?: CacheOptions<T> | number): Promise<T> {
    const scope = currentScope()
    let stored = key
    let entry = scope === '' ? l1.get(key) : undefined
    // An entry with a plain key belongs to this caller, so a hit need not encode the key.
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
      if (now < entry.freshUntil && isUsable(core, entry, now)
        && (options === undefined || typeof options === 'number' || acceptsHit(options as CacheOptions, entry, now))) {
        stats.l1Hits++
        readsOf(options as CacheOptions | number | undefined).l1.record(1)
        return entry.promise as Promise<T>
      }
    }
    return getPastL1(core, stored, scope, load, options as CacheOptions | number | undefined, entry) as Promise<T>
  }
}

function readsOf(options: CacheOptions | number | undefined): CacheReads {
  return (typeof options === 'object' ? options.reads : undefined) ?? manualReads
}

/** Applies the less common options of a hit. It also calls `onSource`, so that a hit without that option has no extra cost. */
function acceptsHit(options: CacheOptions, entry: L1Entry, now: number): boolean {
  if (options.validate !== undefined && !options.validate(entry.value)) return false
  if (options.earlyRefresh && refreshEarly({ earlyRefresh: Number(options.earlyRefresh) }, entry.expires - now, entry.cost)) return false
  options.onSource?.('l1', entry.tags)
  return true
}

function getPastL1(
  core: CacheCore, key: string, scope: string, load: CacheLoader<unknown>, options: CacheOptions | number | undefined,
  entry: L1Entry | undefined,
): Promise<unknown> {
  let policy: Policy
  try {
    policy = resolvePolicy(options, core.settings, scope)
  }
  catch (error) {
    return Promise.reject(error)
  }
  return proceed({ core, key, scope, load, policy }, entry)
}

function proceed(call: Call, entry: L1Entry | undefined): Promise<unknown> {
  const { core } = call
  const now = core.clock.now()
  if (entry !== undefined && isUsable(core, entry, now)) {
    const served = serveHeld(call, entry, now)
    if (served !== undefined) return served
  }
  const flight = core.flights.get(call.key)
  return flight !== undefined && mayJoin(core, flight, now) ? join(call, flight) : startFlight(call)
}

/** Serves a usable L1 entry that needs a refresh: it is stale, or due for an early refresh. */
function serveHeld(call: Call, entry: L1Entry, now: number): Promise<unknown> | undefined {
  const { core, policy } = call
  const staleUntil = Math.min(entry.expires + policy.staleTtl, entry.horizon, entry.heldUntil)
  if (now >= staleUntil && now >= entry.freshUntil) return undefined
  if (policy.validate !== undefined && !policy.validate(entry.value)) return undefined
  refresh(call, entry.writeId, entry)
  if (now < entry.freshUntil) {
    core.stats.l1Hits++
    reportSource(policy, 'l1', entry.tags)
  }
  else {
    core.stats.staleHits++
    reportSource(policy, 'stale', entry.tags)
  }
  return entry.promise
}

/** Join only if the result cannot be stale: no invalidation was received, and none can have been missed. */
function mayJoin({ coherence }: CacheCore, flight: SingleFlight, now: number): boolean {
  return !flight.dirty && flight.epoch === coherence.epoch && (now < coherence.liveUntil || now - flight.began < SILENCE)
}

async function join(call: Call, flight: SingleFlight): Promise<unknown> {
  let result: Awaited<ReturnType<SingleFlight['join']>>
  try {
    result = await flight.join()
  }
  catch (error) {
    call.policy.reads.error.record(1)
    throw error
  }
  if (result === PERSONAL) return loadAlone(call)
  if (result === AGAIN) return again(call)
  reportSource(call.policy, result.source, result.tags)
  return result.value
}

/** Reads again after a joined load whose result was not for this caller. Another load may have filled L1 meanwhile. */
function again(call: Call): Promise<unknown> {
  const { core } = call
  const entry = core.l1.get(call.key)
  const now = core.clock.now()
  if (entry !== undefined && now < entry.freshUntil && isUsable(core, entry, now) && call.policy.validate?.(entry.value) !== false) {
    core.stats.l1Hits++
    reportSource(call.policy, 'l1', entry.tags)
    return entry.promise
  }
  return proceed(call, entry)
}

async function startFlight(call: Call): Promise<unknown> {
  const { core } = call
  const flight = beginSingleFlight(core, call.key, call.policy.tags)
  core.flights.begin(flight)
  try {
    const result = await readOrLoad(call, flight)
    flight.resolve(result.personal ? PERSONAL : result)
    reportSource(call.policy, result.source, result.tags)
    return result.value
  }
  catch (error) {
    call.policy.reads.error.record(1)
    flight.reject(error)
    throw error
  }
  finally {
    core.flights.end(flight)
  }
}

/** Reads the store. If there is nothing to serve, it competes for the lease and loads, or waits for the holder of the lease. */
async function readOrLoad(call: Call, flight: SingleFlight): Promise<LoadResult> {
  const { core, policy, key } = call
  let budget: Budget | undefined
  let rescue: Found | undefined
  let changes = 0
  const wait = new WaitForLoad(core, key, policy, flight.began)
  try {
    for (;;) {
      const found = await lookUp(core, flight, policy, budget)
      if (found.state === 'fresh') return hit(call, found)
      if (found.state === 'stale') return stale(call, found)
      rescue = found.state === 'rescue' ? found : undefined
      budget ??= new Budget(core.budget - (core.clock.now() - flight.began), core.clock)
      const answer = await compete(core, key, call.scope, found.writeId, rescue ? undefined : FAILED_BINDS, budget)
      if (answer.state === 'won') return await lead(call, flight, answer.lease, budget, rescue)
      if (answer.state === 'changed' && ++changes < MOST_CHANGES) continue
      if (answer.state === 'uncacheable') return await loadPersonal(call, flight)
      if (rescue && (answer.state === 'failed' || wait.isSoftOver)) {
        leases.record(1, 'served_stale')
        return rescued(core, rescue)
      }
      if (answer.state !== 'held' || wait.isOver) break
      await wait.poll(rescue !== undefined)
      budget = new Budget(core.budget, core.clock)
    }
  }
  catch (error) {
    if (error instanceof LoadFailure) throw error.cause
    core.stats.redisErrors++
    leases.record(1, 'fail_open')
    const held = rescue ?? rescueFromL1(core, key, policy)
    if (held) return rescued(core, held)
  }
  finally {
    wait.measure()
  }
  return loadUnwritten(core, flight, call.load, policy, call.scope)
}

function hit(call: Call, found: Found): LoadResult {
  const { core } = call
  core.stats.l2Hits++
  if (refreshEarly(call.policy, found.entry!.expires - core.clock.wall(), found.entry!.cost)) refresh(call, found.writeId)
  return { value: found.value, source: 'l2', tags: found.tags }
}

function stale(call: Call, found: Found): LoadResult {
  const { core } = call
  core.stats.staleHits++
  refresh(call, found.writeId, core.l1.get(call.key))
  return { value: found.value, source: 'stale', tags: found.tags }
}

function rescued({ stats }: CacheCore, found: Held): LoadResult {
  stats.staleHits++
  return { value: found.value, source: 'stale', tags: found.tags }
}

/** Returns an L1 entry within the caller's staleIfError while Redis is unavailable. The epoch of the entry does not matter then. */
function rescueFromL1({ l1, clock }: CacheCore, key: string, policy: Policy): Held | undefined {
  const entry = l1.get(key)
  if (entry === undefined || policy.staleIfError <= 0) return undefined
  return clock.now() < Math.min(entry.expires + policy.staleIfError, entry.horizon) ? entry : undefined
}

async function lead(call: Call, flight: SingleFlight, lease: Lease, budget: Budget, rescue: Found | undefined): Promise<LoadResult> {
  const { core } = call
  leases.record(1, lease.stolen ? 'stolen' : 'granted')
  // An invalidation that arrived while this caller waited does not affect a load that begins now.
  const loading = isClean(core, flight) ? flight : beginSingleFlight(core, call.key, call.policy.tags)
  if (loading !== flight) core.flights.begin(loading)
  try {
    const result = await leadLoad(core, loading, lease, call.load, call.policy, budget)
    if (loading !== flight) loading.resolve(result.personal ? PERSONAL : result)
    return result
  }
  catch (error) {
    if (loading !== flight) loading.reject(error)
    if (!rescue) throw new LoadFailure(error)
    logHidden(core, 'Loading', call.key, error)
    return rescued(core, rescue)
  }
  finally {
    if (loading !== flight) core.flights.end(loading)
  }
}

/** Handles the marker `uncacheable`: joined callers stop waiting, and this caller loads for itself alone. */
async function loadPersonal(call: Call, flight: SingleFlight): Promise<LoadResult> {
  const { core } = call
  core.flights.end(flight)
  flight.resolve(PERSONAL)
  return loadForOne(call)
}

async function loadAlone(call: Call): Promise<unknown> {
  const { value, tags } = await loadForOne(call)
  reportSource(call.policy, 'uncacheable', tags)
  return value
}

async function loadForOne(call: Call): Promise<LoadResult> {
  const { core } = call
  const flight = beginSingleFlight(core, call.key, call.policy.tags)
  const { value, tags } = await loadUnwritten(core, flight, call.load, call.policy, call.scope)
  core.stats.uncacheable++
  return { value, source: 'uncacheable', personal: true, tags }
}

/** Reloads a served value in the background. One refresh per key runs in this process; the lease decides between processes. */
function refresh(call: Call, writeId: string, held?: L1Entry): void {
  const { core, key, policy } = call
  const now = core.clock.now()
  const running = core.refreshes.get(key)
  if (running !== undefined && mayJoin(core, running, now)) return
  if (held !== undefined) {
    if (now < held.refreshAfter) return
    held.refreshAfter = now + REFRESH_PAUSE
  }
  const flight = beginSingleFlight(core, key, policy.tags)
  core.refreshes.begin(flight)
  const work = reload(call, flight, writeId, held)
    .catch((error) => {
      if (held) held.refreshAfter = core.clock.now() + REFRESH_PAUSE_AFTER_FAILURE
      if (!(error instanceof LoadFailure)) {
        core.stats.redisErrors++
        return
      }
      logHidden(core, 'Refreshing', key, error.cause)
      policy.onRefreshError?.(error.cause)
    })
    .finally(() => core.refreshes.end(flight))
  policy.waitUntil?.(work)
}

async function reload(call: Call, flight: SingleFlight, writeId: string, held: L1Entry | undefined): Promise<void> {
  const { core } = call
  const budget = new Budget(core.budget, core.clock)
  const answer = await compete(core, call.key, call.scope, writeId, undefined, budget)
  if (answer.state === 'won') await lead(call, flight, answer.lease, budget, undefined)
  else if (answer.state === 'changed') core.l1.delete(call.key)
  else if (answer.state !== 'held' && held) held.refreshAfter = core.clock.now() + REFRESH_PAUSE_AFTER_FAILURE
}

/** Logs the error of a load that no caller receives, because the old value is served. */
function logHidden({ log }: CacheCore, action: 'Loading' | 'Refreshing', key: string, error: unknown): void {
  log.error(`${action} the cache key "${key}" failed; its old value is served meanwhile.`, error)
}

function reportSource(policy: Policy, source: CacheSource, tags: readonly string[]): void {
  policy.reads[source].record(1)
  policy.onSource?.(source, tags)
}
