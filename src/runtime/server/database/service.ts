import { defineService } from '../core/service'
import type { Copies } from './read-your-writes'
import { DatabaseUnknownError } from './errors'
import type { ClientRegistry } from './registry'
import type { DatabaseSettings } from './settings'
import type { TenantLocation } from '../request/tenant'
import type { DatabaseFactory, DatabaseSpec, ScaleDatabaseClient } from './types'

/** The database feature of this process. */
export interface CurrentDatabase {
  registry: ClientRegistry<ScaleDatabaseClient>
  settings: DatabaseSettings
  copies: Copies
  /** Databases by the name that `usePrisma(name)` takes. */
  named: Map<string, DatabaseSpec>
  /** The `ping` function of the app's factory, if it has one. */
  ping?: DatabaseFactory['ping']
  /** Called for every database whose connections are reserved permanently. */
  onPin?: (spec: DatabaseSpec) => void
}

/** The database feature of this process, with all its databases. */
export const databaseService = defineService<CurrentDatabase>(
  'The database was used before the server started: use it in a handler, or in a plugin of your own, not at the top of a file.',
)

/**
 * Registers a database for `usePrisma(name)`, and reserves connections for it and for each of its replicas.
 * Features call it while the server starts.
 * @throws Error when `maxConnections` or `maxClients` is too small
 */
export function addDatabase(name: string, location: TenantLocation): DatabaseSpec {
  const spec: DatabaseSpec = { name, ...location }
  const { registry, copies, named, onPin } = databaseService.use()
  for (const copy of [spec, ...copies.replicas.of(spec)?.specs ?? []]) {
    registry.pin(copy)
    onPin?.(copy)
  }
  named.set(name, spec)
  return spec
}

/** Finds a database by its name. @throws DatabaseUnknownError that names the missing database */
export function namedDatabase(name: string): DatabaseSpec {
  const { named, settings: { source } } = databaseService.use()
  const spec = named.get(name)
  if (spec) return spec
  const variables = `NUXT_SCALE_DATABASE_URL${source === 'scale.database.url' ? '' : ` (or ${source})`}`
  throw new DatabaseUnknownError(name === 'default'
    ? `There is no default database: set ${variables} where the server starts.`
    : `There is no database "${name}": usePrisma() knows ${[...named.keys()].map(known => `"${known}"`).join(', ') || 'none'}.`, 500)
}
