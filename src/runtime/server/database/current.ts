import type { Copies } from './copy'
import { DatabaseUnknownError } from './errors'
import type { ClientRegistry } from './registry'
import type { DatabaseSettings } from './settings'
import type { TenantLocation } from '../request/tenant-directory'
import type { DatabaseFactory, DatabaseSpec, ScaleDatabaseClient } from './types'

/** The database feature of this process. */
export interface CurrentDatabase {
  registry: ClientRegistry<ScaleDatabaseClient>
  settings: DatabaseSettings
  copies: Copies
  /** The `ping` function of the app's factory, if it has one. */
  ping?: DatabaseFactory['ping']
  /** Called for every database whose connections are reserved permanently. */
  onPin?: (spec: DatabaseSpec) => void
}

let current: CurrentDatabase | undefined
const named = new Map<string, DatabaseSpec>()

export function setCurrentDatabase(database: CurrentDatabase | undefined): void {
  current = database
  named.clear()
}

/** Returns the database feature of this process. @throws Error before the server has started */
export function currentDatabase(): CurrentDatabase {
  if (!current) {
    throw new Error('The database was used before the server started:'
      + ' use it in a handler, or in a plugin of your own, not at the top of a file.')
  }
  return current
}

/**
 * Registers a database for `usePrisma(name)`, and reserves connections for it and for each of its replicas.
 * Features call it while the server starts.
 * @throws Error when `maxConnections` or `maxClients` is too small
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

/** Finds a database by its name. @throws DatabaseUnknownError that names the missing database */
export function namedDatabase(name: string): DatabaseSpec {
  const spec = named.get(name)
  if (spec) return spec
  const { source } = currentDatabase().settings
  const variables = `NUXT_SCALE_DATABASE_URL${source === 'scale.database.url' ? '' : ` (or ${source})`}`
  throw new DatabaseUnknownError(name === 'default'
    ? `There is no default database: set ${variables} where the server starts.`
    : `There is no database "${name}": usePrisma() knows ${[...named.keys()].map(known => `"${known}"`).join(', ') || 'none'}.`, 500)
}
