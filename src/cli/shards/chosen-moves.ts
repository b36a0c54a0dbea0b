import type { ShardsSettings } from '../../runtime/server/shards/settings'
import { withSlotMap } from '../../runtime/server/shards/settings'
import type { SlotMove } from '../../runtime/server/shards/slot-map'
import { serializeSlotMap } from '../../runtime/server/shards/stored-map'
import { CliFailure } from '../support/command'
import type { StoredMap } from './map-file'
import { mapArg, openMap } from './map-file'

/** Flags of every command that works on moves. */
export const moveArgs = {
  from: { type: 'string', description: 'Only moves from this shard (default: all)', valueHint: 'shard' },
  to: { type: 'string', description: 'Only moves to this shard (default: all)', valueHint: 'shard' },
  tables: { type: 'string', description: 'The tables and their id columns (default: scale.shards.tables)', valueHint: 'table:column,…' },
  ...mapArg,
} as const

/**
 * Opens the stored map, together with the options that place ids and contain the addresses of the shards.
 *
 * @throws CliFailure if the map or the options are missing
 */
export async function openStoredMoves(args: { cwd: string, map?: string }): Promise<StoredMap & { settings: ShardsSettings }> {
  const stored = await openMap(args)
  const { settings, store: { name }, map } = stored
  if (!settings) {
    throw new CliFailure('scale.shards is not set in nuxt.config, so the addresses of the shards are unknown: set scale.shards.map.')
  }
  if (!stored.stored) {
    throw new CliFailure(`The map ${name} does not exist yet: store a plan with "nuxt-scale shards plan --add <shard> --write".`)
  }
  return { ...stored, settings: withSlotMap(settings, serializeSlotMap(map), name) }
}

/** Returns the moves that the flags select. @throws CliFailure if there are none */
export function chosenMoves({ map, store: { name } }: StoredMap, { from, to }: { from?: string, to?: string }): SlotMove[] {
  const chosen = map.moving.filter(move => (from === undefined || move.from === from) && (to === undefined || move.to === to))
  if (chosen.length > 0) return chosen
  const others = map.moving.map(move => `${move.from} → ${move.to}`).join(', ')
  throw new CliFailure(others
    ? `${name} does not contain this move: write --from and --to of one of ${others}.`
    : `${name} does not contain any move: store a plan with "nuxt-scale shards plan --add <shard> --write".`)
}
