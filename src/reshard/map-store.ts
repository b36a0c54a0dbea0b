import { readFile } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import type { SlotMap } from '../runtime/server/shards/slot-map'
import { parseSlotMap, serializeSlotMap } from '../runtime/server/shards/stored-map'
import { prepareFile } from './atomic-file'
import { ReshardError } from './errors'
import { createFileLock, FileLockTimeout } from './file-lock'

/** A map with its name for messages. */
export interface NamedMap {
  name: string
  map: SlotMap
}

/** Milliseconds that a command waits while other commands store the map. */
const WAIT = 60_000

/** Options of `MapStore.update`. */
export interface UpdateOptions {
  /**
   * Runs while the map is locked. It receives a function that stores the next map, and the next map itself. It must call the function.
   */
  around?: (save: () => Promise<void>, next: SlotMap) => Promise<void>
  /** Time until which to wait for the lock of the map, on the clock of `performance.now()`. Default: in a minute. */
  deadline?: number
}

/** The file of a map. Several commands may use it at the same time: their changes are applied one after another. */
export interface MapStore {
  /** Name of the file for messages. */
  name: string
  /** Reads the map while no other command stores it. */
  read: () => Promise<SlotMap>
  /**
   * Reads, changes and stores the map in one step.
   *
   * @returns the stored map
   * @throws MapBusy at the deadline; the map stays unchanged
   */
  update: (change: (map: SlotMap) => SlotMap, options?: UpdateOptions) => Promise<SlotMap>
}

/** The default of `UpdateOptions.around`: stores the map without other work. */
export const saveOnly = (save: () => Promise<void>): Promise<void> => save()

/** Thrown when other commands store the map until the deadline. */
export class MapBusy extends ReshardError {}

/**
 * Reads the file of a map.
 *
 * @returns undefined if the file does not exist
 * @throws ReshardError if the file cannot be read
 */
export function readMapFile(path: string, name: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new ReshardError(`The map ${name} cannot be read: ${error.code}.`)
  })
}

/**
 * Creates the store of a map.
 *
 * @param path path of the file
 * @param name name of the file for messages
 * @param first the map to use while the file does not exist
 */
export function createMapStore(path: string, name: string, first?: SlotMap): MapStore {
  const lock = createFileLock(`${path}.lock`)
  const read = async () => {
    const text = await readMapFile(path, name)
    const map = text === undefined ? first : parseSlotMap(text, name)
    if (map === undefined) throw new ReshardError(`The map ${name} does not exist any more: restore the map that the last command stored.`)
    return map
  }
  const hold = <T>(deadline: number, work: (check: () => Promise<void>) => Promise<T>) => {
    return lock.hold(deadline, work).catch((error: unknown) => {
      if (!(error instanceof FileLockTimeout)) throw error
      throw new MapBusy(`Other commands are storing the map ${name}: run the command again.`)
    })
  }
  return {
    name,
    read: () => hold(performance.now() + WAIT, read).catch((error: NodeJS.ErrnoException) => {
      // In a read-only folder neither this command nor another one can store a map, so the lock is not needed.
      if (error.code === 'EACCES' || error.code === 'EROFS' || error.code === 'EPERM') return read()
      throw error
    }),
    update: (change, { around = saveOnly, deadline = performance.now() + WAIT } = {}) => hold(deadline, async (check) => {
      const next = change(await read())
      const text = serializeSlotMap(next)
      const file = await prepareFile(path, text)
      try {
        await around(async () => {
          await check()
          await file.commit().catch(async (error: unknown) => {
            // On a network file system the rename may have succeeded although its response was lost.
            if (await readMapFile(path, name) !== text) throw error
          })
        }, next)
      }
      finally {
        await file.discard()
      }
      return next
    }),
  }
}
