import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { ShardsSettings } from './settings'
import { withSlotMap } from './settings'

/**
 * Milliseconds between two reads of the file. It is polled, because network folders and mounted config maps send no change events,
 * and their modification times are not precise.
 */
const INTERVAL = 1000

/** Returns the settings with the slot map of `slotMapFile`. @throws Error when the file cannot be read or is not a slot map */
export function readSlotMapFile(settings: ShardsSettings): ShardsSettings {
  const { slotMapFile } = settings
  let text: string
  try {
    text = readFileSync(resolve(slotMapFile), 'utf8')
  }
  catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(`scale.shards.slotMapFile is ${slotMapFile}, which cannot be read where the server starts: ${code}.`, { cause: error })
  }
  return withSlotMap(settings, text, slotMapFile)
}

/** Callbacks for changes of the slot map file. */
export interface SlotMapFollower {
  /** Called with the settings when the file contains a newer map. */
  onChange: (settings: ShardsSettings) => void
  /** Called with the reason when the file contains no usable map, once per change of the file. */
  onRefused: (sentence: string) => void
  /** Milliseconds between two reads. @default 1000 */
  interval?: number
}

/**
 * Watches the slot map file and applies newer maps. Invalid and older maps are refused, because with an older map an instance would
 * look for rows where they no longer are.
 *
 * @param settings the settings with the current map
 * @returns a function that stops the watch
 */
export function followSlotMapFile(settings: ShardsSettings, { onChange, onRefused, interval = INTERVAL }: SlotMapFollower): () => void {
  const { slotMapFile } = settings
  let { version } = settings.slotMap
  let seen: string | undefined
  let ended = false
  let timer: NodeJS.Timeout

  const take = (text: string) => {
    const next = withSlotMap(settings, text, slotMapFile)
    if (next.slotMap.version < version) {
      throw new Error(`${slotMapFile} contains version ${next.slotMap.version}, which is older than the version in use (${version}):`
        + ` the newer one stays in use. Store a map with a higher version.`)
    }
    if (next.slotMap.version === version) return
    version = next.slotMap.version
    onChange(next)
  }
  const look = async () => {
    const text = await readFile(resolve(slotMapFile), 'utf8').catch((error: NodeJS.ErrnoException) => error)
    const now = typeof text === 'string' ? text : `${slotMapFile} cannot be read: ${text.code}. The last valid map stays in use.`
    if (ended) return
    if (now !== seen) {
      seen = now
      try {
        if (typeof text === 'string') take(text)
        else onRefused(now)
      }
      catch (error) {
        onRefused((error as Error).message)
      }
    }
    wait()
  }
  const wait = () => {
    timer = setTimeout(look, interval).unref()
  }
  wait()
  return () => {
    ended = true
    clearTimeout(timer)
  }
}
