import type { ShardsSettings } from '../../runtime/server/shards/settings'
import { withSlotMap } from '../../runtime/server/shards/settings'
import type { SlotMove } from '../../runtime/server/shards/slot-map'
import { serializeSlotMap } from '../../runtime/server/shards/stored-map'
import { CliFailure } from '../support/exit'
import type { StoredMap } from './map-file'
import { mapArg, openMap } from './map-file'

/** The flags of every command that works on moves. */
export const moveArgs = {
  from: { type: 'string', description: 'Moves from this shard (default: all)', valueHint: 'shard' },
  to: { type: 'string', description: 'Moves to this shard (default: all)', valueHint: 'shard' },
  tables: { type: 'string', description: 'Tables and the columns of their ids (default: scale.shards.tables)', valueHint: 'table:column,…' },
  ...mapArg,
} as const

/**
 * The stored map with the options that say how ids are placed and where shards are.
 *
 * @throws CliFailure when either is missing
 */
export async function openStoredMoves(args: { cwd: string, map?: string }): Promise<StoredMap & { settings: ShardsSettings }> {
  const stored = await openMap(args)
  const { settings, store: { name }, map } = stored
  if (!settings) throw new CliFailure('scale.shards is not set in nuxt.config, which says where the shards are: set scale.shards.map.')
  if (!stored.stored) throw new CliFailure(`There is no ${name} yet: store a plan with "nuxt-scale shards plan --add <shard> --write".`)
  return { ...stored, settings: withSlotMap(settings, serializeSlotMap(map), name) }
}

/** @throws CliFailure when no move is chosen */
export function chosenMoves({ map, store: { name } }: StoredMap, { from, to }: { from?: string, to?: string }): SlotMove[] {
  const chosen = map.moving.filter(move => (from === undefined || move.from === from) && (to === undefined || move.to === to))
  if (chosen.length > 0) return chosen
  const others = map.moving.map(move => `${move.from} → ${move.to}`).join(', ')
  throw new CliFailure(others ? `No such move: ${name} has ${others}.` : `No slots are on their way in ${name}: store a plan with "nuxt-scale shards plan --add <shard> --write".`)
}
