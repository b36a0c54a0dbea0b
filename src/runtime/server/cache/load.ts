import { setTimeout } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { withDeadline } from '../deadline'
import type { Budget, CacheCore } from './core'
import { isClean } from './core'
import type { EntryHeader } from './entry'
import { checkTagList, encodeEntry } from './entry'
import type { Flight, Landing } from './flights'
import { AGAIN, PERSONAL } from './flights'
import { keepInL1 } from './keep'
import type { Policy } from './policy'
import { encodeTags } from './policy'
import { decodePayload } from './serializer'
import { LEASE_LIFE } from './store'
import type { LeaseAnswer } from './store'
import type { CacheLoader, LoadContext } from './types'

/** How far the clocks of Redis and of an invalidation that a load raced may disagree, in µs. */
const CLOCK_MARGIN = 10_000

/** Pause in ms before a lease that could not be given back is given back again. */
const RETRY_PAUSE = 500

/** A lease that this process holds. */
export interface Lease {
  token: string
  /** Redis TIME in µs when it was won. */
  time: number
  /** The caller's scope, for tags that are named during the load. */
  scope: string
  /** An entry was written, or a marker or the release is on its way: nothing is left to do for it. */
  ended: boolean
}

/**
 * Competes for the load of a key.
 *
 * @param writeId id of the entry that the caller saw, '' for none
 * @param takeFailedAfter age in ms at which the marker of a failed load no longer holds; undefined for never
 * @returns the lease, or why there is none
 * @throws the store's error
 */
export async function compete(
  core: CacheCore, key: string, scope: string, writeId: string, takeFailedAfter: number | undefined, budget: Budget,
): Promise<{ state: 'won', lease: Lease } | Exclude<LeaseAnswer, { state: 'won' }>> {
  const token = core.nextWriteId()
  try {
    const answer = await budget.spend(left => core.store.acquire(key, writeId, token, takeFailedAfter, left))
    return answer.state === 'won' ? { state: 'won', lease: { token, time: answer.time, scope, ended: false } } : answer
  }
  catch (error) {
    // Redis may run the command although its answer is lost, and then nobody would hold the lease.
    void giveBack(core, key, token, 'free')
    throw error
  }
}

interface Loaded {
  raw: unknown
  cost: number
  personal: boolean
  lateTags: readonly string[]
  /** Longest times in ms that the loader allowed: fresh, and stale after that. */
  limits: { fresh: number, stale: number }
}

/**
 * Runs the loader as the holder of the lease and stores what it gives.
 * However that ends, the lease ends with it: whatever is not stored for another reason counts as a failed load,
 * so that each process that waits loads once for itself.
 *
 * @throws the loader's own error, after the lease became the marker of a failed load
 */
export async function leadLoad(core: CacheCore, flight: Flight, lease: Lease, load: CacheLoader<unknown>, policy: Policy, budget: Budget): Promise<Landing> {
  const { store } = core
  const renewal = setInterval(() => store.renew(flight.key, lease.token, core.budget).catch(() => {}), LEASE_LIFE / 2)
  renewal.unref()
  try {
    const life = lifeOf(policy)
    let versions: string[] | undefined
    try {
      versions = policy.tags.length === 0 ? [] : await budget.spend(left => store.noteTags(policy.tags, life.horizon + policy.timeout, left))
    }
    catch {
      core.stats.redisErrors++ // without versions the value is delivered and not stored
    }
    const loaded = await runLoader(core, flight, load, policy, lease.scope, () => end(core, flight, lease, 'uncacheable'))
    if (loaded.personal || !isStorable(loaded.raw, policy)) {
      if (!loaded.personal) end(core, flight, lease, 'uncacheable')
      core.stats.uncacheable++
      return { value: loaded.raw, source: 'uncacheable', personal: true, tags: tagsOf(policy, loaded) }
    }
    return await storeLoaded(core, flight, lease, loaded, versions, policy, life, budget)
  }
  finally {
    clearInterval(renewal)
    if (!lease.ended) end(core, flight, lease, 'failed')
  }
}

/**
 * Runs the loader without storing what it gives, for when Redis is away or somebody else's load takes too long.
 */
export async function loadUnwritten(core: CacheCore, flight: Flight, load: CacheLoader<unknown>, policy: Policy, scope: string): Promise<Landing> {
  const loaded = await runLoader(core, flight, load, policy, scope)
  if (loaded.personal || !isStorable(loaded.raw, policy)) return { value: loaded.raw, source: 'uncacheable', personal: true, tags: tagsOf(policy, loaded) }
  return { value: encode(core, flight.key, loaded.raw, policy)?.value ?? loaded.raw, source: 'loader', tags: tagsOf(policy, loaded) }
}

/**
 * The loader under its deadline. Tags and the word that it is personal take effect while it runs.
 *
 * @param onPersonal lets those who wait in other processes go as well
 */
async function runLoader(core: CacheCore, flight: Flight, load: CacheLoader<unknown>, policy: Policy, scope: string, onPersonal?: () => void): Promise<Loaded> {
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
        // Stored without these tags, the value would outlive their invalidation, whatever the loader makes of the error.
        refusal = error
        throw error
      }
      for (const tag of added) {
        lateTags.push(tag)
        if (!flight.tags.includes(tag)) flight.tags = [...flight.tags, tag]
        // Nobody marked the flight then: its tag was not known.
        if (core.heardTags.since(tag, flight.heardTags)) {
          flight.dirty = true
          flight.land(AGAIN)
        }
      }
    },
    uncacheable() {
      if (personal) return
      personal = true
      core.flights.end(flight)
      flight.land(PERSONAL)
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
    const raw = await withDeadline(load(context), policy.timeout, () => {
      abort.abort()
      return new Error(`Loading the cache key "${flight.key}" took longer than ${policy.timeout} ms: raise its timeout or make the loader faster.`)
    })
    if (refusal !== undefined) throw refusal
    return { raw, personal, lateTags, limits, cost: core.clock.now() - start }
  }
  catch (error) {
    core.stats.loadErrors++
    throw error
  }
}

async function storeLoaded(
  core: CacheCore, flight: Flight, lease: Lease, loaded: Loaded, versions: string[] | undefined, policy: Policy, longest: Life, budget: Budget,
): Promise<Landing> {
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
  const landing: Landing = { value: encoded.value, source: 'loader', tags }
  if (flight.dirty) end(core, flight, lease, 'free')
  if (flight.dirty || versions === undefined || budget.left <= 0) return landing
  try {
    if (flight.term.id === '') await budget.spend(core.store.untilTermTold)
    if (flight.term.id === '') return landing
    const late = await noteLateTags(core, flight, lease, loaded.lateTags, life, policy, budget)
    if (late === undefined) {
      core.stats.fencedWrites++
      end(core, flight, lease, 'free')
      // Those who joined after the start may have begun after the invalidation that was raced.
      flight.land(AGAIN)
      return landing
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
      core.stats.fencedWrites++
    }
  }
  catch {
    core.stats.redisErrors++ // the caller has its value
  }
  core.waiters.wake(flight.key)
  return landing
}

/**
 * Versions of the tags that were named during the load; undefined when one was invalidated since the load began, because the loader may have read its source before that.
 * A tag without a version was not invalidated since, or we would have heard of it.
 */
async function noteLateTags(core: CacheCore, flight: Flight, lease: Lease, tags: readonly string[], life: Life, policy: Policy, budget: Budget): Promise<string[] | undefined> {
  if (tags.length === 0) return []
  const earliest = lease.time - CLOCK_MARGIN
  // Who did not hear the bus cannot know that a tag without a version was not invalidated.
  const [versions, heard] = await budget.spend(left => Promise.all([
    core.store.noteTags(tags, life.horizon + policy.timeout, left),
    core.store.heardAll(left),
  ]))
  const raced = !heard || !isClean(core, flight) || tags.some((tag, index) => core.heardTags.since(tag, flight.heardTags) || Number(versions[index]) >= earliest)
  return raced ? undefined : versions
}

function tagsOf(policy: Policy, { lateTags }: Loaded): readonly string[] {
  return lateTags.length === 0 ? policy.tags : [...policy.tags, ...lateTags]
}

/** What becomes of a lease without an entry. */
type Outcome = Parameters<CacheCore['store']['settle']>[2]

/** Gives the lease back in the background; nobody's answer depends on it. */
function end(core: CacheCore, flight: Flight, lease: Lease, outcome: Outcome): void {
  lease.ended = true
  if (outcome === 'uncacheable' || outcome === 'oversized') core.l1.delete(flight.key)
  void giveBack(core, flight.key, lease.token, outcome)
}

/** Tries until Redis has heard it, at most for as long as the lease would last. */
async function giveBack(core: CacheCore, key: string, token: string, outcome: Outcome): Promise<void> {
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

interface Life {
  /** ms in which the value is fresh. */
  fresh: number
  /** ms after which Redis forgets it. */
  horizon: number
}

/** How long a value lives by its policy, with the jitter of its ttl. */
export function lifeOf(policy: Policy, random: () => number = Math.random): Life {
  const fresh = Math.max(1, Math.round(policy.ttl * (1 + policy.jitter * (2 * random() - 1))))
  return { fresh, horizon: fresh + Math.max(policy.staleTtl, policy.staleIfError) }
}

/** A life within the limits that the loader named. */
function shortened({ fresh, horizon }: Life, limits: Loaded['limits']): Life {
  const shorter = Math.max(1, Math.min(fresh, Math.round(limits.fresh)))
  return { fresh: shorter, horizon: shorter + Math.min(horizon - fresh, Math.round(limits.stale)) }
}

function isStorable(value: unknown, policy: Policy): boolean {
  return value !== undefined && (policy.validate === undefined || policy.validate(value))
}

/** A value in its stored form. */
interface Encoded {
  payload: string | Uint8Array
  /** Bytes of the payload. */
  size: number
  /** What a later hit will see. */
  value: unknown
}

/** Undefined when the serializer cannot hold the value. */
export function encode(core: CacheCore, key: string, raw: unknown, policy: Policy): Encoded | undefined {
  try {
    const payload = policy.serializer.encode(raw)
    if (payload === undefined) return undefined
    const bytes = Buffer.from(payload as string)
    const value = decodePayload(policy.serializer, bytes, 0)
    if (core.development) {
      if (!isDeepStrictEqual(raw, value) && isFirst(core, key)) {
        core.log.warn(`The value of the cache key "${key}" changes when it is stored: a Date, Map, Set, undefined or class needs serializer: 'devalue', or plain data.`)
      }
      deepFreeze(value)
    }
    return { payload, size: bytes.length, value }
  }
  catch (error) {
    if (isFirst(core, key)) core.log.error(`The value of the cache key "${key}" cannot be stored: return plain data, or set a serializer that holds it.`, error)
    return undefined
  }
}

/** Whether a value is larger than what may be stored, which is logged once a key. */
export function isTooLarge(core: CacheCore, key: string, { size }: Encoded): boolean {
  const { maxValueSize } = core.settings
  if (size <= maxValueSize) return false
  if (isFirst(core, key)) {
    core.log.warn(`The value of the cache key "${key}" takes ${size} bytes and is not stored, because scale.cache.maxValueSize is ${maxValueSize}: cache less, or raise the limit.`)
  }
  return true
}

/** Keys whose trouble is told at most, so that a log is not flooded. */
const MOST_COMPLAINTS = 1000

/** Whether nothing was said about the key yet. */
function isFirst({ complaints }: CacheCore, key: string): boolean {
  if (complaints.has(key) || complaints.size >= MOST_COMPLAINTS) return false
  complaints.add(key)
  return true
}

/** Freezes plain data, so that a handler that changes a cached value fails in development and not for the next visitor. */
export function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return
  Object.freeze(value)
  for (const inner of Object.values(value)) deepFreeze(inner)
}
