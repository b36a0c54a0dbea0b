import type { Copies } from './copy'
import { DatabaseUnknownError } from './errors'
import type { ClientRegistry } from './registry'
import type { DatabaseSettings } from './settings'
import type { TenantLocation } from '../tenant-directory'
import type { DatabaseFactory, DatabaseSpec, ScaleDatabaseClient } from './types'

/** The database feature of this process. */
export interface CurrentDatabase {
  registry: ClientRegistry<ScaleDatabaseClient>
  settings: DatabaseSettings
  copies: Copies
  /** How the factory of the app asks a client for nothing, if it says so. */
  ping?: DatabaseFactory['ping']
  /** Called for every database that gets a place for good. */
  onPin?: (spec: DatabaseSpec) => void
}

let current: CurrentDatabase | undefined
const named = new Map<string, DatabaseSpec>()

export function setCurrentDatabase(database: CurrentDatabase | undefined): void {
  current = database
  named.clear()
}

/** @throws Error before the server has started */
export function currentDatabase(): CurrentDatabase {
  if (!current) throw new Error('The database was used before the server started: call it in a handler, or in a plugin of your own, not at the top of a file.')
  return current
}

/**
 * Gives a database a name for `usePrisma(name)`, and it and each of its replicas a place in the budget for good. Called at boot, by the feature that knows it.
 * @throws Error when the budget has no place left
 */
export function addDatabase(name: string, location: TenantLocation): DatabaseSpec {
  const spec: DatabaseSpec = { name, ...location }
  const { registry, copies, onPin } = currentDatabase()
  for (const copy of [spec, ...copies.replicas.of(spec)?.specs ?? []]) {
    registry.pin(copy)
    onPin?.(copy)
  }
  named.set(name, spec)
  return spec
}

/** @throws DatabaseUnknownError naming what is missing */
export function namedDatabase(name: string): DatabaseSpec {
  const spec = named.get(name)
  if (spec) return spec
  const { source } = currentDatabase().settings
  throw new DatabaseUnknownError(name === 'default'
    ? `There is no default database: set NUXT_SCALE_DATABASE_URL${source === 'scale.database.url' ? '' : ` (or ${source})`} where the server starts.`
    : `There is no database "${name}": usePrisma() knows ${[...named.keys()].map(known => `"${known}"`).join(', ') || 'none'}.`, 500)
}
