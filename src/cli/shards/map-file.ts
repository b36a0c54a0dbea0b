import { relative, resolve } from 'node:path'
import type { ShardsSettings } from '../../runtime/server/shards/settings'
import { resolveShardsSettings } from '../../runtime/server/shards/settings'
import type { SlotMap } from '../../runtime/server/shards/slot-map'
import { parseSlotMap } from '../../runtime/server/shards/stored-map'
import { loadApp } from '../support/app'
import type { App } from '../support/app'
import { CliFailure } from '../support/exit'
import type { MapStore, NamedMap } from '../../reshard/map-store'
import { createMapStore, readMapFile } from '../../reshard/map-store'

/** Where the map is stored unless `--map` says otherwise. */
export const DEFAULT_MAP_FILE = 'server/shards.json'

/** The flag of every command that reads the map. */
export const mapArg = {
  map: { type: 'string', description: `The stored map, relative to the app (default: ${DEFAULT_MAP_FILE})`, valueHint: 'file' },
} as const

/** The map that commands work on. */
export interface StoredMap {
  app: App
  /** Undefined when `scale.shards` is not set, which is enough for what needs no database. */
  settings: ShardsSettings | undefined
  /** The map when the command began: what it goes by, it reads from the store under the locks that it needs. */
  map: SlotMap
  /** Whether the file is there. Without it the map is that of the options. */
  stored: boolean
  store: MapStore
  /** The maps that the options name beside the file, with which an instance of the app would start. */
  others: () => Promise<NamedMap[]>
}

/**
 * Reads the stored map of an app, else the map that its options begin with.
 *
 * @throws CliFailure one sentence, when there is neither
 */
export async function openMap({ cwd, map: given }: { cwd: string, map?: string }): Promise<StoredMap> {
  const app = await loadApp(cwd)
  const { shards } = app.options
  const settings = shards ? resolveShardsSettings(shards) : undefined
  if (settings?.strategy === 'modulo') throw new CliFailure('scale.shards.strategy is \'modulo\', which has no slots to move: lay the data out by slots first.')
  const path = resolve(app.rootDir, given ?? (settings?.slotMapFile || DEFAULT_MAP_FILE))
  const name = relative(app.rootDir, path) || path
  const text = await readMapFile(path, name)
  if (text === undefined && given !== undefined) throw new CliFailure(`The map ${name} is not there: name a stored map, or leave out --map to begin with the options.`)
  const map = text === undefined ? settings?.slotMap : parseSlotMap(text, name)
  if (map === undefined) throw new CliFailure(`There is neither ${name} nor scale.shards in nuxt.config: set scale.shards.map, or name a stored map with --map.`)
  return {
    app,
    settings,
    map,
    stored: text !== undefined,
    store: createMapStore(path, name, settings?.slotMap),
    async others() {
      if (!settings?.stored) return []
      if (!settings.slotMapFile) return [{ name: 'scale.shards.slotMap', map: settings.slotMap }]
      const file = resolve(app.rootDir, settings.slotMapFile)
      const other = file === path ? undefined : await readMapFile(file, settings.slotMapFile)
      return other === undefined ? [] : [{ name: settings.slotMapFile, map: parseSlotMap(other, settings.slotMapFile) }]
    },
  }
}
