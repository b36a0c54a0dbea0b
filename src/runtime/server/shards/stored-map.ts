import { parseChoice, parseCount, parseObject, refuseUnknownKeys, show } from '../core/settings'
import { formatRanges, parseRanges } from './ranges'
import { parseKnownShard, parseShardName, refuseTwins } from './shard-name'
import type { MoveState, SlotMap, SlotMove } from './slot-map'
import { MOST_SLOTS, moveStates, slotsOf } from './slot-map'

/** The JSON form of a slot map. */
export interface StoredSlotMap {
  version: number
  /** Number of slots. */
  slots: number
  shards: string[]
  /** Shard → its slots as ranges, such as `'0-1023 1500'`. */
  assignment: Record<string, string>
  /** Id → shard. */
  overrides?: Record<string, string>
  moving?: { slots: string, from: string, to: string, state: MoveState }[]
}

/** Converts a map to JSON. The order of shards and ids is fixed and slots are ranges, so that a change affects few lines. */
export function serializeSlotMap(map: SlotMap): string {
  const stored: StoredSlotMap = {
    version: map.version,
    slots: map.owners.length,
    shards: [...map.shards],
    assignment: Object.fromEntries(map.shards.map(shard => [shard, formatRanges(slotsOf(map, shard))])),
    overrides: Object.fromEntries([...map.overrides].sort(([a], [b]) => a < b ? -1 : 1)),
    moving: map.moving.map(({ slots, from, to, state }) => ({ slots: formatRanges(slots), from, to, state })),
  }
  return `${JSON.stringify(stored, null, 2)}\n`
}

/**
 * Parses a stored slot map, which is a JSON string or an object.
 *
 * @param path name of the map in errors
 * @throws TypeError whose message begins with `path`, and says what is wrong and what to write
 */
export function parseSlotMap(stored: unknown, path = 'slotMap'): SlotMap {
  const map = parseObject(typeof stored === 'string' ? parseJson(stored, path) : stored, path)
  refuseUnknownKeys(map, ['version', 'slots', 'shards', 'assignment', 'overrides', 'moving'], path)
  const shards = parseShards(map.shards, `${path}.shards`)
  const owners = parseAssignment(map.assignment, { shards, slots: parseSlots(map.slots, `${path}.slots`), path: `${path}.assignment` })
  return {
    version: parseCount(map.version, `${path}.version`),
    shards,
    owners,
    overrides: parseOverrides(map.overrides ?? {}, shards, `${path}.overrides`),
    moving: parseMoving(map.moving ?? [], { shards, owners, path: `${path}.moving` }),
  }
}

/** Checks a number of slots: from 1 to {@link MOST_SLOTS}. */
export function parseSlots(value: unknown, path: string): number {
  const slots = parseCount(value, path)
  if (slots > MOST_SLOTS) throw new TypeError(`${path} is ${slots}: write a whole number of at most ${MOST_SLOTS}.`)
  return slots
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  }
  catch {
    throw new TypeError(`${path} is not valid JSON: restore the slot map that was stored last.`)
  }
}

function parseShards(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) throw new TypeError(`${path} is ${show(value)}: write a list with at least one name.`)
  return refuseTwins(value.map(name => parseShardName(name, path)), path)
}

function parseAssignment(
  value: unknown, { shards, slots, path }: { shards: readonly string[], slots: number, path: string },
): readonly string[] {
  const owners = Array.from<string | undefined>({ length: slots })
  for (const [shard, ranges] of Object.entries(parseObject(value, path))) {
    if (!shards.includes(shard)) {
      throw new TypeError(`${path} contains ${show(shard)}, which is not a shard: write one of ${shards.join(', ')}.`)
    }
    for (const slot of parseRanges(ranges, slots, `${path}.${shard}`)) {
      if (owners[slot] !== undefined) {
        throw new TypeError(`${path}.${shard} contains slot ${slot}, which ${owners[slot]} contains too: write each slot once.`)
      }
      owners[slot] = shard
    }
  }
  const missing = owners.flatMap((owner, slot) => owner === undefined ? [slot] : [])
  if (missing.length > 0) {
    throw new TypeError(`${path} is missing ${missing.length} of ${slots} slots, the first of them ${missing[0]}: write each slot once.`)
  }
  return owners as string[]
}

function parseOverrides(value: unknown, shards: readonly string[], path: string): ReadonlyMap<string, string> {
  return new Map(Object.entries(parseObject(value, path)).map(([id, shard]) => [id, parseKnownShard(shard, shards, `${path}.${id}`)]))
}

function parseMoving(
  value: unknown, { shards, owners, path }: { shards: readonly string[], owners: readonly string[], path: string },
): readonly SlotMove[] {
  if (!Array.isArray(value)) throw new TypeError(`${path} is ${show(value)}: write a list of moves.`)
  const taken = new Set<number>()
  return value.map((entry: unknown, index) => {
    const at = `${path}[${index}]`
    const move = parseObject(entry, at)
    refuseUnknownKeys(move, ['slots', 'from', 'to', 'state'], at)
    const from = parseKnownShard(move.from, shards, `${at}.from`)
    const to = parseKnownShard(move.to, shards, `${at}.to`)
    if (from === to) throw new TypeError(`${at} moves slots from ${from} to itself: write another shard.`)
    const slots = parseRanges(move.slots, owners.length, `${at}.slots`)
    if (slots.length === 0) throw new TypeError(`${at}.slots is empty: write the slots that are moved.`)
    for (const slot of slots) {
      if (owners[slot] !== from) {
        throw new TypeError(`${at} moves slot ${slot} from ${from}, but the slot belongs to ${owners[slot]}: write the shard that owns it.`)
      }
      if (taken.has(slot)) throw new TypeError(`${at} moves slot ${slot}, which another move contains too: write it once.`)
      taken.add(slot)
    }
    return { slots, from, to, state: parseChoice(move.state, moveStates, `${at}.state`) }
  })
}
