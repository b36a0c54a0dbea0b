import type { SlotMap, SlotMove } from '../runtime/server/shards/slot-map'
import { ReshardError } from './errors'
import type { MapStore, UpdateOptions } from './map-store'
import { saveOnly } from './map-store'
import { refuseLostLock } from './command-lock'
import { moveId } from './objects'
import type { OpenMove } from './move'

/** A move in a map; undefined when the map has none, or another one, between its shards. */
export function findMove(map: SlotMap, { from, to }: Pick<SlotMove, 'from' | 'to'>): SlotMove | undefined {
  return map.moving.find(move => move.from === from && move.to === to)
}

/**
 * Stores the next map of a move. Other moves of the map may have gone on meanwhile; this one must be where the command knows it to be. In
 * the moment that the map is stored the command must still hold the locks of both shards: a command that has lost one, without knowing it,
 * would change the map under the eyes of the next, which has read it under these locks.
 *
 * @param known the move as the command knows it
 * @throws ReshardError when either is not so; the map is as it was
 */
export function storeStep(
  { id, from, to }: OpenMove,
  known: SlotMove,
  store: MapStore,
  change: (map: SlotMap) => SlotMap,
  { around = saveOnly, deadline }: UpdateOptions = {},
): Promise<SlotMap> {
  const refuseChanged = (map: SlotMap) => {
    const move = findMove(map, known)
    if (move && moveId(move, map) === id && move.state === known.state) return map
    const what = `The move from ${known.from} to ${known.to} was changed in ${store.name} by hand while this command was at work`
    throw new ReshardError(`${what}: restore the map that the last command stored.`)
  }
  return store.update(map => change(refuseChanged(map)), {
    deadline,
    around: (save, next) => around(async () => {
      for (const { session } of [from, to]) await refuseLostLock(session)
      await save()
    }, next),
  })
}
