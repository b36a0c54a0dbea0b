import type { Budget, CacheCore } from './core'
import { deepFreeze } from './load'
import type { Entry } from './entry'
import { decodeEntry, WRITE_ID_LENGTH, WRITE_ID_START } from './entry'
import type { Flight } from './flights'
import { keepInL1 } from './keep'
import type { Policy } from './policy'
import { decodePayload } from './serializer'

/**
 * What the store holds for a key. `stale`: past its ttl, to be served while somebody reloads.
 * `rescue`: to be served only if the load fails. `none`: nothing that may be served.
 */
export interface Found {
  state: 'fresh' | 'stale' | 'rescue' | 'none'
  /** Id of the entry as it was seen, usable or not; '' for none. The lease script compares it. */
  writeId: string
  value: unknown
  /** Encoded, with their scope. */
  tags: readonly string[]
  entry?: Entry
}

const NOTHING: Found = { state: 'none', writeId: '', value: undefined, tags: [] }

/**
 * Reads a key from the store, checks its tags and keeps a usable value in L1.
 *
 * @throws the store's error
 */
export async function lookUp(core: CacheCore, flight: Flight, policy: Policy, budget?: Budget): Promise<Found> {
  const { bytes, versions, term } = await core.store.read(flight.key, policy.tags, budget?.left ?? core.budget)
  if (bytes === null) return core.store.holdsEntries ? NOTHING : heldOnlyHere(core, flight.key, policy)
  const entry = decodeEntry(bytes)
  const writeId = entry?.writeId ?? bytes.toString('latin1', WRITE_ID_START, WRITE_ID_START + WRITE_ID_LENGTH)
  if (entry === undefined || entry.codec !== policy.serializer.codec || entry.term !== term) return { ...NOTHING, writeId }
  const state = stateOf(entry, policy, core.clock.wall())
  if (state === 'none') return { ...NOTHING, writeId }
  if (entry.tags.length > 0 && !(await tagsHold(core, flight, entry, policy.tags, versions, budget))) return { ...NOTHING, writeId }
  let value: unknown
  try {
    value = decodePayload(policy.serializer, bytes, entry.payloadStart)
  }
  catch {
    return { ...NOTHING, writeId } // a payload that cannot be read is a miss, which the next write mends
  }
  if (policy.validate !== undefined && !policy.validate(value)) return { ...NOTHING, writeId }
  if (core.development) deepFreeze(value)
  if (state !== 'rescue' || policy.staleIfError > 0) keepInL1(core, flight, entry, value, bytes.length - entry.payloadStart)
  return { state, writeId, value, tags: entry.tags, entry }
}

/** Embedded, an expired value that may still stand in for a failing load is in L1. */
function heldOnlyHere(core: CacheCore, key: string, policy: Policy): Found {
  const entry = core.l1.get(key)
  const now = core.clock.now()
  if (entry === undefined || entry.epoch !== core.coherence.epoch || now >= Math.min(entry.expires + policy.staleIfError, entry.horizon)) return NOTHING
  return { state: 'rescue', writeId: entry.writeId, value: entry.value, tags: entry.tags }
}

function stateOf(entry: Entry, policy: Policy, now: number): Found['state'] {
  if (now < entry.expires) return 'fresh'
  if (now >= entry.horizon) return 'none'
  if (now < entry.expires + policy.staleTtl) return 'stale'
  return now < entry.expires + policy.staleIfError ? 'rescue' : 'none'
}

/** The tags in the entry decide; those that the caller did not name are read now. A missing version reads as newer. */
async function tagsHold(core: CacheCore, flight: Flight, entry: Entry, named: readonly string[], versions: readonly (string | null)[], budget?: Budget): Promise<boolean> {
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
