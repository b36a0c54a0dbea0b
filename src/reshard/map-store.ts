import { readFile } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import type { SlotMap } from '../runtime/server/shards/slot-map'
import { parseSlotMap, serializeSlotMap } from '../runtime/server/shards/stored-map'
import { prepareFile } from './atomic-file'
import { ReshardError } from './errors'
import { createFileLock, FileLockTimeout } from './file-lock'

/** A map, and how it is called. */
export interface NamedMap {
  name: string
  map: SlotMap
}

/** Milliseconds that a command waits for others that store the map. */
const WAIT = 60_000

/** How a change of the map is stored. */
export interface UpdateOptions {
  /**
   * What must happen in the moment of the change: it is given the next map, which no other command can change by then, and a function that
   * stores it.
   */
  around?: (save: () => Promise<void>, next: SlotMap) => Promise<void>
  /** When no other command may be storing the map any more, by `performance.now()`. Default: in a minute. */
  deadline?: number
}

/** The file of a map. Several commands may work on the map at once: each changes what it has to, one after another. */
export interface MapStore {
  /** The file as it may be shown. */
  name: string
  /** The map, at a moment when no other command is storing one. */
  read: () => Promise<SlotMap>
  /**
   * Reads the map, changes it and stores it, as one step.
   *
   * @returns the map that is stored
   * @throws MapBusy when the deadline is over; the map is as it was
   */
  update: (change: (map: SlotMap) => SlotMap, options?: UpdateOptions) => Promise<SlotMap>
}

/** What happens in the moment of a change, unless a command says otherwise. */
export const saveOnly = (save: () => Promise<void>): Promise<void> => save()

/** Other commands have been storing the map until the deadline. */
export class MapBusy extends ReshardError {}

/** @throws ReshardError when the file cannot be read. @returns undefined when it is not there */
export function readMapFile(path: string, name: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new ReshardError(`The map ${name} cannot be read: ${error.code}.`)
  })
}

/**
 * @param path of the file
 * @param name of the file, as it may be shown
 * @param first the map when there is no file yet
 */
export function createMapStore(path: string, name: string, first?: SlotMap): MapStore {
  const lock = createFileLock(`${path}.lock`)
  const read = async () => {
    const text = await readMapFile(path, name)
    const map = text === undefined ? first : parseSlotMap(text, name)
    if (map === undefined) throw new ReshardError(`The map ${name} is not there any more: restore the map that the last command stored.`)
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
      // Where the folder cannot be written to, this command stores no map, and no other one does.
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
            // Over a network a file may have been renamed although the answer was lost.
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
