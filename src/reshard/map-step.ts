import type { SlotMap, SlotMove } from '../runtime/server/shards/slot-map'
import { ReshardError } from './errors'
import type { MapStore, UpdateOptions } from './map-store'
import { saveOnly } from './map-store'
import { refuseLostLock } from './command-lock'
import { moveId } from './objects'
import type { OpenMove } from './move'

/** Finds the move between two shards in a map. */
export function findMove(map: SlotMap, { from, to }: Pick<SlotMove, 'from' | 'to'>): SlotMove | undefined {
  return map.moving.find(move => move.from === from && move.to === to)
}

/**
 * Stores the next map of a move. Other moves of the map may have advanced, but this move must still be in the known state. When the map is
 * stored, the command must still hold the locks of both shards. Otherwise another command may have taken these locks and read the map.
 *
 * @param known the move in its known state
 * @throws ReshardError if the move has changed or a lock is lost; the map stays unchanged
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
    const what = `The move from ${known.from} to ${known.to} was changed in ${store.name} by hand while this command was running`
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
