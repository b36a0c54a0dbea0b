import type { Budget, CacheCore } from './core'
import { deepFreeze } from './load'
import type { Entry } from './entry'
import { decodeEntry, WRITE_ID_LENGTH, WRITE_ID_START } from './entry'
import type { SingleFlight } from './single-flights'
import { keepInL1 } from './keep'
import type { Policy } from './policy'
import { decodePayload } from './serializer'

/**
 * Result of reading a key from the store:
 * - `fresh`: within its ttl;
 * - `stale`: past its ttl, served while one process reloads it;
 * - `rescue`: served only if the load fails;
 * - `none`: nothing that may be served.
 */
export interface Found {
  state: 'fresh' | 'stale' | 'rescue' | 'none'
  /** Write id of the entry that was read, usable or not; '' for none. The lease script compares it. */
  writeId: string
  value: unknown
  /** Encoded, with their scope. */
  tags: readonly string[]
  entry?: Entry
}

const NOTHING: Found = { state: 'none', writeId: '', value: undefined, tags: [] }

/**
 * Reads a key from the store, checks its tags and puts a usable value into L1.
 *
 * @throws the error of the store
 */
export async function lookUp(core: CacheCore, flight: SingleFlight, policy: Policy, budget?: Budget): Promise<Found> {
  const { bytes, versions, term } = await core.store.read(flight.key, policy.tags, budget?.left ?? core.budget)
  if (bytes === null) return core.store.holdsEntries ? NOTHING : rescueFromL1(core, flight.key, policy)
  const entry = decodeEntry(bytes)
  const writeId = entry?.writeId ?? bytes.toString('latin1', WRITE_ID_START, WRITE_ID_START + WRITE_ID_LENGTH)
  if (entry === undefined || entry.codec !== policy.serializer.codec || entry.term !== term) {
    return { ...NOTHING, writeId }
  }
  const state = stateOf(entry, policy, core.clock.wall())
  if (state === 'none') return { ...NOTHING, writeId }
  if (entry.tags.length > 0 && !(await tagsAreCurrent(core, flight, entry, policy.tags, versions, budget))) {
    return { ...NOTHING, writeId }
  }
  let value: unknown
  try {
    value = decodePayload(policy.serializer, bytes, entry.payloadStart)
  }
  catch {
    return { ...NOTHING, writeId } // An unreadable payload is a miss; the next write replaces it.
  }
  if (policy.validate !== undefined && !policy.validate(value)) return { ...NOTHING, writeId }
  if (core.development) deepFreeze(value)
  if (state !== 'rescue' || policy.staleIfError > 0) keepInL1(core, flight, entry, value, bytes.length - entry.payloadStart)
  return { state, writeId, value, tags: entry.tags, entry }
}

/** Without Redis, a value within staleIfError is in L1 alone. */
function rescueFromL1(core: CacheCore, key: string, policy: Policy): Found {
  const entry = core.l1.get(key)
  const now = core.clock.now()
  if (entry === undefined || entry.epoch !== core.coherence.epoch) return NOTHING
  if (now >= Math.min(entry.expires + policy.staleIfError, entry.horizon)) return NOTHING
  return { state: 'rescue', writeId: entry.writeId, value: entry.value, tags: entry.tags }
}

function stateOf(entry: Entry, policy: Policy, now: number): Found['state'] {
  if (now < entry.expires) return 'fresh'
  if (now >= entry.horizon) return 'none'
  if (now < entry.expires + policy.staleTtl) return 'stale'
  return now < entry.expires + policy.staleIfError ? 'rescue' : 'none'
}

/**
 * Whether no tag of the entry was invalidated since the entry was written. The tags in the entry's header decide, not those of the call.
 * The versions of tags that the call did not name are read now. A missing version counts as an invalidation.
 *
 * @param named the tags of the call
 * @param versions their versions
 */
async function tagsAreCurrent(
  core: CacheCore, flight: SingleFlight, entry: Entry, named: readonly string[], versions: readonly (string | null)[], budget?: Budget,
): Promise<boolean> {
  const others = entry.tags.filter(tag => !named.includes(tag))
  let otherVersions: readonly (string | null)[] = []
  if (others.length > 0) {
    flight.tags = [...flight.tags, ...others]
    otherVersions = await core.store.versions(others, budget?.left ?? core.budget - (core.clock.now() - flight.began))
  }
  return entry.tags.every((tag, index) => {
    const at = named.indexOf(tag)
    return (at >= 0 ? versions[at] : otherVersions[others.indexOf(tag)]) === entry.versions[index]
  })
}
