import { relative, resolve } from 'node:path'
import type { ShardsSettings } from '../../runtime/server/shards/settings'
import { shardsSettings } from '../../runtime/server/shards/settings'
import type { SlotMap } from '../../runtime/server/shards/slot-map'
import { parseSlotMap } from '../../runtime/server/shards/stored-map'
import { loadApp } from '../support/app'
import type { App } from '../support/app'
import { CliFailure } from '../support/command'
import type { MapStore, NamedMap } from '../../reshard/map-store'
import { createMapStore, readMapFile } from '../../reshard/map-store'

/** Path of the stored map, unless `--map` or an option sets another one. */
const DEFAULT_MAP_FILE = 'server/shards.json'

/** Flag of every command that reads the map. */
export const mapArg = {
  map: { type: 'string', description: `The stored map, relative to the app (default: ${DEFAULT_MAP_FILE})`, valueHint: 'file' },
} as const

/** The map that commands work on. */
export interface StoredMap {
  app: App
  /** Undefined if `scale.shards` is not set. Commands that do not need a database can work without it. */
  settings: ShardsSettings | undefined
  /** The map when the command began. Commands that change something read it again from the store, after they have locked the shards. */
  map: SlotMap
  /** Whether the file exists. Without the file, the map comes from the options. */
  stored: boolean
  store: MapStore
  /** Reads the other maps of the options, with which an instance of the app may start. */
  others: () => Promise<NamedMap[]>
}

/**
 * Reads the stored map of an app, or the map of its options if no map is stored.
 *
 * @throws CliFailure if there is neither
 */
export async function openMap({ cwd, map: given }: { cwd: string, map?: string }): Promise<StoredMap> {
  const app = await loadApp(cwd)
  const { shards } = app.options
  const settings = shards ? shardsSettings.resolveGiven(shards) : undefined
  if (settings?.strategy === 'modulo') {
    throw new CliFailure('scale.shards.strategy is \'modulo\', which does not have slots to move: change the strategy to \'slots\' first.')
  }
  const path = resolve(app.rootDir, given ?? (settings?.slotMapFile || DEFAULT_MAP_FILE))
  const name = relative(app.rootDir, path) || path
  const text = await readMapFile(path, name)
  if (text === undefined && given !== undefined) {
    throw new CliFailure(`The map ${name} does not exist: write the file of a stored map, or leave out --map to use the options.`)
  }
  const map = text === undefined ? settings?.slotMap : parseSlotMap(text, name)
  if (map === undefined) {
    throw new CliFailure(`There is neither ${name} nor scale.shards in nuxt.config: set `
      + `scale.shards.map, or write --map with a stored map.`)
  }
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
