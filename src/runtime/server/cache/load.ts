import type { Life } from './lifetime'
import { lifeOf, shortened } from './lifetime'
import { setTimeout } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { withDeadline } from '../core/deadline'
import { instrument } from '../core/instruments'
import { cacheChannel, hashKey } from '../core/tracing-channels'
import type { Budget, CacheCore } from './core'
import { isClean } from './core'
import type { EntryHeader } from './entry'
import { checkTagList, encodeEntry } from './entry'
import type { SingleFlight, LoadResult } from './single-flights'
import { AGAIN, PERSONAL } from './single-flights'
import { keepInL1 } from './keep'
import type { Policy } from './policy'
import { encodeTags } from './policy'
import { decodePayload } from './serializer'
import { LEASE_LIFE } from './store'
import type { LeaseAnswer } from './store'
import type { CacheLoader, LoadContext } from './types'

/**
 * Margin in µs for the clocks of Redis servers. A tag version within this margin before the start of a load counts as an
 * invalidation during the load.
 */
const CLOCK_MARGIN = 10_000

/** Pause in ms before another attempt to release a lease. */
const RETRY_PAUSE = 500

/** A lease that this process holds. */
export interface Lease {
  token: string
  /** Redis TIME in µs at which the lease was won. */
  time: number
  /** Whether it was taken over from a load that had failed. */
  stolen: boolean
  /** The caller's scope, for tags that are added during the load. */
  scope: string
  /** True when the lease needs no further action: an entry was written, or the release or the marker is being sent. */
  ended: boolean
}

/**
 * Competes for the lease of a key.
 *
 * @param writeId write id of the entry that the caller read, '' for none
 * @param takeFailedAfter age in ms from which a `failed` marker may be taken over; undefined for never
 * @returns the lease, or the reason why the caller did not get it
 * @throws the error of the store
 */
export async function compete(
  core: CacheCore, key: string, scope: string, writeId: string, takeFailedAfter: number | undefined, budget: Budget,
): Promise<{ state: 'won', lease: Lease } | Exclude<LeaseAnswer, { state: 'won' }>> {
  const token = core.nextWriteId()
  try {
    const answer = await budget.spend(left => core.store.acquire(key, writeId, token, takeFailedAfter, left))
    if (answer.state !== 'won') return answer
    return { state: 'won', lease: { token, time: answer.time, stolen: answer.stolen, scope, ended: false } }
  }
  catch (error) {
    // Redis may have run the command although the reply was lost. The lease would then block the key without a holder.
    void releaseLease(core, key, token, 'free')
    throw error
  }
}

interface Loaded {
  raw: unknown
  cost: number
  personal: boolean
  lateTags: readonly string[]
  /** Whether the value may not be stored, because it was invalidated during the load. */
  refused: boolean
  /** Limits in ms that the loader set: how long the value is fresh, and how long after that it may be served stale. */
  limits: { fresh: number, stale: number }
}

/**
 * Runs the loader as the holder of the lease and stores its value.
 * The lease always ends with this call. After an error, or when the value could not be written, it becomes the marker `failed`,
 * so that each waiting process loads once for itself.
 *
 * @throws the error of the loader; the lease then becomes the marker `failed`
 */
export async function leadLoad(
  core: CacheCore, flight: SingleFlight, lease: Lease, load: CacheLoader<unknown>, policy: Policy, budget: Budget,
): Promise<LoadResult> {
  const { store } = core
  const renewal = setInterval(() => store.renew(flight.key, lease.token, core.budget).catch(() => {}), LEASE_LIFE / 2)
  renewal.unref()
  let loaded: Loaded | undefined
  try {
    const life = lifeOf(policy)
    let versions: string[] | undefined
    try {
      versions = policy.tags.length === 0
        ? []
        : await budget.spend(left => store.noteTags(policy.tags, life.horizon + policy.timeout, left))
    }
    catch {
      core.stats.redisErrors++ // Without tag versions, the value is returned but not stored.
    }
    loaded = await runLoader(core, flight, load, policy, lease.scope, () => end(core, flight, lease, 'uncacheable'))
    if (loaded.personal || !isStorable(loaded.raw, policy)) {
      if (!loaded.personal) end(core, flight, lease, 'uncacheable')
      core.stats.uncacheable++
      return { value: loaded.raw, source: 'uncacheable', personal: true, tags: tagsOf(policy, loaded) }
    }
    return await storeLoaded(core, flight, lease, loaded, versions, policy, life, budget)
  }
  finally {
    clearInterval(renewal)
    if (loaded) recordLoad(policy, loaded.cost, loaded.refused ? 'refused' : 'ok')
    if (!lease.ended) end(core, flight, lease, 'failed')
  }
}

/**
 * Runs the loader without storing its value. Used when Redis is unavailable or the load of another process takes too long.
 */
export async function loadUnwritten(
  core: CacheCore, flight: SingleFlight, load: CacheLoader<unknown>, policy: Policy, scope: string,
): Promise<LoadResult> {
  const loaded = await runLoader(core, flight, load, policy, scope)
  recordLoad(policy, loaded.cost, 'ok')
  if (loaded.personal || !isStorable(loaded.raw, policy)) {
    return { value: loaded.raw, source: 'uncacheable', personal: true, tags: tagsOf(policy, loaded) }
  }
  return { value: encode(core, flight.key, loaded.raw, policy)?.value ?? loaded.raw, source: 'loader', tags: tagsOf(policy, loaded) }
}

/**
 * Runs the loader with its deadline. `addTags` and `uncacheable` take effect while it runs.
 *
 * @param onPersonal releases the callers that wait in other processes
 */
async function runLoader(
  core: CacheCore, flight: SingleFlight, load: CacheLoader<unknown>, policy: Policy, scope: string, onPersonal?: () => void,
): Promise<Loaded> {
  const abort = new AbortController()
  const lateTags: string[] = []
  let refusal: unknown
  let personal = false
  const limits = { fresh: Infinity, stale: Infinity }
  const context: LoadContext = {
    signal: abort.signal,
    addTags(tags) {
      const added = encodeTags(tags, scope).filter(tag => !policy.tags.includes(tag) && !lateTags.includes(tag))
      try {
        checkTagList([...policy.tags, ...lateTags, ...added])
      }
      catch (error) {
        // The load must fail even if the loader catches this error: without these tags their invalidation would miss the value.
        refusal = error
        throw error
      }
      for (const tag of added) {
        lateTags.push(tag)
        if (!flight.tags.includes(tag)) flight.tags = [...flight.tags, tag]
        // The tag was invalidated before this load was known to have it, so the message did not mark the load as dirty.
        if (core.invalidatedTags.since(tag, flight.tagMessages)) {
          flight.dirty = true
          flight.resolve(AGAIN)
        }
      }
    },
    uncacheable() {
      if (personal) return
      personal = true
      core.flights.end(flight)
      flight.resolve(PERSONAL)
      onPersonal?.()
    },
    shorten(fresh, stale) {
      limits.fresh = Math.min(limits.fresh, fresh * 1000)
      limits.stale = Math.min(limits.stale, stale * 1000)
    },
  }
  const start = core.clock.now()
  core.stats.loads++
  try {
    const loading = cacheChannel.hasSubscribers ? traceLoad(flight.key, policy, load, context) : load(context)
    const raw = await withDeadline(loading, policy.timeout, () => {
      abort.abort()
      return new Error(`Loading the cache key "${flight.key}" took longer than ${policy.timeout} ms: `
        + 'raise its timeout or make the loader faster.')
    })
    if (refusal !== undefined) throw refusal
    return { raw, personal, lateTags, limits, refused: false, cost: core.clock.now() - start }
  }
  catch (error) {
    core.stats.loadErrors++
    recordLoad(policy, core.clock.now() - start, abort.signal.aborted ? 'timeout' : 'error')
    throw error
  }
}

/** Calls the loader, for the subscribers of the channel. */
function traceLoad(key: string, { reads }: Policy, load: CacheLoader<unknown>, context: LoadContext): Promise<unknown> {
  const operation = { operation: 'load', surface: reads.surface, name: reads.name, keyHash: hashKey(key) } as const
  return cacheChannel.tracePromise(async () => load(context), operation)
}

const loadDurations = instrument('scale.cache.load.duration')

/** @param cost duration of the load in ms */
function recordLoad({ reads }: Policy, cost: number, outcome: 'ok' | 'error' | 'timeout' | 'refused'): void {
  loadDurations.record(cost / 1000, reads.surface, reads.name, outcome)
}

async function storeLoaded(
  core: CacheCore, flight: SingleFlight, lease: Lease, loaded: Loaded, versions: string[] | undefined,
  policy: Policy, longest: Life, budget: Budget,
): Promise<LoadResult> {
  const life = shortened(longest, loaded.limits)
  const encoded = encode(core, flight.key, loaded.raw, policy)
  if (encoded === undefined) {
    end(core, flight, lease, 'uncacheable')
    return { value: loaded.raw, source: 'uncacheable', personal: true, tags: tagsOf(policy, loaded) }
  }
  const tags = tagsOf(policy, loaded)
  if (isTooLarge(core, flight.key, encoded)) {
    core.stats.uncacheable++
    end(core, flight, lease, 'oversized')
    return { value: encoded.value, source: 'uncacheable', tags }
  }
  const result: LoadResult = { value: encoded.value, source: 'loader', tags }
  loaded.refused = flight.dirty
  if (flight.dirty) end(core, flight, lease, 'free')
  if (flight.dirty || versions === undefined || budget.left <= 0) return result
  try {
    if (flight.term.id === '') await budget.spend(left => core.store.untilTermKnown(left))
    if (flight.term.id === '') return result
    const late = await noteLateTags(core, flight, lease, loaded.lateTags, life, policy, budget)
    if (late === undefined) {
      loaded.refused = true
      core.stats.fencedWrites++
      end(core, flight, lease, 'free')
      // Callers that joined during the load may have begun after the invalidation, so they must read again.
      flight.resolve(AGAIN)
      return result
    }
    const now = core.clock.wall()
    const header: EntryHeader = {
      codec: policy.serializer.codec,
      expires: now + life.fresh,
      horizon: now + life.horizon,
      writeId: lease.token,
      cost: loaded.cost,
      term: flight.term.id,
      tags,
      versions: [...versions, ...late],
    }
    const entry = encodeEntry(header, encoded.payload)
    const written = await budget.spend(left => core.store.write(flight.key, lease.token, entry, life.horizon, left))
    lease.ended = true
    if (written) {
      keepInL1(core, flight, header, encoded.value, encoded.payload.length)
    }
    else {
      loaded.refused = true
      core.stats.fencedWrites++
    }
  }
  catch {
    core.stats.redisErrors++ // The caller gets the value nevertheless.
  }
  core.waiters.wake(flight.key)
  return result
}

/**
 * Returns the versions of the tags that were added during the load.
 * Returns undefined if one of them was invalidated since the load began: the loader may have read the database before that.
 * A tag without a version gets one here. It was not invalidated, provided that this process has received all messages of the bus.
 */
async function noteLateTags(
  core: CacheCore, flight: SingleFlight, lease: Lease, tags: readonly string[], life: Life, policy: Policy, budget: Budget,
): Promise<string[] | undefined> {
  if (tags.length === 0) return []
  const earliest = lease.time - CLOCK_MARGIN
  // Without the bus, tags without a version cannot be trusted.
  const [versions, heard] = await budget.spend(left => Promise.all([
    core.store.noteTags(tags, life.horizon + policy.timeout, left),
    core.store.receivedAll(left),
  ]))
  const raced = !heard || !isClean(core, flight)
    || tags.some((tag, index) => core.invalidatedTags.since(tag, flight.tagMessages) || Number(versions[index]) >= earliest)
  return raced ? undefined : versions
}

function tagsOf(policy: Policy, { lateTags }: Loaded): readonly string[] {
  return lateTags.length === 0 ? policy.tags : [...policy.tags, ...lateTags]
}

/** The outcome of a lease that ends without a write. */
type Outcome = Parameters<CacheCore['store']['settle']>[2]

/** Ends a lease without a write, in the background: no caller waits for it. */
function end(core: CacheCore, flight: SingleFlight, lease: Lease, outcome: Outcome): void {
  lease.ended = true
  if (outcome === 'uncacheable' || outcome === 'oversized') core.l1.delete(flight.key)
  void releaseLease(core, flight.key, lease.token, outcome)
}

/** Retries until Redis confirms the release, at most for the lifetime of the lease. */
async function releaseLease(core: CacheCore, key: string, token: string, outcome: Outcome): Promise<void> {
  const over = core.clock.now() + LEASE_LIFE
  for (let settled = false; !settled && core.clock.now() < over;) {
    try {
      await core.store.settle(key, token, outcome, core.budget)
      settled = true
    }
    catch {
      core.stats.redisErrors++
    }
    core.waiters.wake(key)
    if (!settled) await setTimeout(RETRY_PAUSE, undefined, { ref: false })
  }
}

function isStorable(value: unknown, policy: Policy): boolean {
  return value !== undefined && (policy.validate === undefined || policy.validate(value))
}

/** A serialized value. */
interface Encoded {
  payload: string | Uint8Array
  /** Size of the payload in bytes. */
  size: number
  /** The value as a later hit returns it: decoded from the payload. */
  value: unknown
}

/** Serializes a value. Returns undefined when the serializer does not support it. */
export function encode(core: CacheCore, key: string, raw: unknown, policy: Policy): Encoded | undefined {
  try {
    const payload = policy.serializer.encode(raw)
    if (payload === undefined) return undefined
    const bytes = Buffer.from(payload as string)
    const value = decodePayload(policy.serializer, bytes, 0)
    if (core.development) {
      if (!isDeepStrictEqual(raw, value) && isFirst(core, key)) {
        core.log.warn(`The value of the cache key "${key}" changes when it is stored: `
          + 'set serializer: \'devalue\' for a Date, Map, Set or undefined, or return plain data.')
      }
      deepFreeze(value)
    }
    return { payload, size: bytes.length, value }
  }
  catch (error) {
    if (isFirst(core, key)) {
      core.log.error(
        `The value of the cache key "${key}" cannot be stored: return plain data, or set a serializer that supports it.`,
        error,
      )
    }
    return undefined
  }
}

/** Whether a value exceeds `scale.cache.maxValueSize`. Such a value is logged once per key. */
export function isTooLarge(core: CacheCore, key: string, { size }: Encoded): boolean {
  const { maxValueSize } = core.settings
  if (size <= maxValueSize) return false
  if (isFirst(core, key)) {
    core.log.warn(`The value of the cache key "${key}" takes ${size} bytes and is not stored, `
      + `because scale.cache.maxValueSize is ${maxValueSize}: cache less data, or raise the limit.`)
  }
  return true
}

/** Maximum number of keys that are logged, to limit the size of the log. */
const MOST_COMPLAINTS = 1000

/** Whether the key was not logged yet and may be logged now. */
function isFirst({ complaints }: CacheCore, key: string): boolean {
  if (complaints.has(key) || complaints.size >= MOST_COMPLAINTS) return false
  complaints.add(key)
  return true
}

/** Freezes a value in development, so that a handler that changes a cached value fails instead of changing it for other requests. */
export function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return
  Object.freeze(value)
  for (const inner of Object.values(value)) deepFreeze(inner)
}
