import type { CacheCore } from './core'
import { isClean } from './core'
import type { EntryHeader } from './entry'
import type { SingleFlight } from './single-flights'
import { isPlainKey } from './key'

/** Puts a value into L1, unless it was invalidated since its read or load began. Returns whether it was put. */
export function keepInL1(core: CacheCore, flight: SingleFlight, header: EntryHeader, value: unknown, payloadBytes: number): boolean {
  if (!isClean(core, flight)) return false
  const { l1, clock, coherence, settings } = core
  const now = clock.now()
  const toMonotonic = now - clock.wall()
  const expires = header.expires + toMonotonic
  const horizon = header.horizon + toMonotonic
  // Without Redis, L1 has the only copy and keeps it for its whole lifetime.
  const heldUntil = core.store.holdsEntries ? Math.min(horizon, now + settings.l1.ttl) : horizon
  l1.set(flight.key, {
    value,
    promise: Promise.resolve(value),
    epoch: coherence.epoch,
    freshUntil: Math.min(expires, heldUntil),
    heldUntil,
    expires,
    horizon,
    cost: header.cost,
    writeId: header.writeId,
    codec: header.codec,
    tags: header.tags,
    versions: header.versions,
    plainKey: isPlainKey(flight.key),
    refreshAfter: 0,
  }, payloadBytes)
  return true
}
