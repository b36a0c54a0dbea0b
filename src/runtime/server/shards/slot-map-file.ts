import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { ShardsSettings } from './settings'
import { withSlotMap } from './settings'

/** Milliseconds between two looks at the file. It is read each time: network folders and mounted config maps send no events, and their times are coarse. */
const INTERVAL = 1000

/** The settings with the map of a file. @throws Error one sentence, when it is not there or is no map */
export function readSlotMapFile(settings: ShardsSettings): ShardsSettings {
  const { slotMapFile } = settings
  let text: string
  try {
    text = readFileSync(resolve(slotMapFile), 'utf8')
  }
  catch (error) {
    throw new Error(`scale.shards.slotMapFile is ${slotMapFile}, which cannot be read where the server starts: ${(error as NodeJS.ErrnoException).code}.`, { cause: error })
  }
  return withSlotMap(settings, text, slotMapFile)
}

/** Who hears of the file. */
export interface SlotMapFollower {
  /** A newer map. */
  onChange: (settings: ShardsSettings) => void
  /** Why what is in the file is not taken over, once for each time that it changes. */
  onRefused: (sentence: string) => void
  /** @default 1000 */
  interval?: number
}

/**
 * Follows the map in its file. What is no map, or an older one, is not taken over: an instance never goes back to where rows were.
 *
 * @param settings with the map that is in use
 * @returns ends it
 */
export function followSlotMapFile(settings: ShardsSettings, { onChange, onRefused, interval = INTERVAL }: SlotMapFollower): () => void {
  const { slotMapFile } = settings
  let { version } = settings.slotMap
  let seen: string | undefined
  let ended = false
  let timer: NodeJS.Timeout

  const take = (text: string) => {
    const next = withSlotMap(settings, text, slotMapFile)
    if (next.slotMap.version < version) throw new Error(`${slotMapFile} has gone back from version ${version} to ${next.slotMap.version}: the newer one stays in use.`)
    if (next.slotMap.version === version) return
    version = next.slotMap.version
    onChange(next)
  }
  const look = async () => {
    const text = await readFile(resolve(slotMapFile), 'utf8').catch((error: NodeJS.ErrnoException) => error)
    const now = typeof text === 'string' ? text : `${slotMapFile} cannot be read: ${text.code}. The map that was read last stays in use.`
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
