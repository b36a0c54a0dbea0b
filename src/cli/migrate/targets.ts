import { parseUrl } from '../../runtime/server/database/redact'
import { databaseSettings } from '../../runtime/server/database/settings'
import { shardsSettings } from '../../runtime/server/shards/settings'
import type { TenantRecord } from '../../runtime/server/tenancy/types'
import type { AppOptions } from '../support/app'
import { CliFailure } from '../support/command'
import { runTimeOptions } from '../support/run-time-options'
import { didYouMean } from '../support/nearest'
import { describeUnset, hasAddress, readSource } from '../support/source'
import type { TenantSources } from './tenants'
import { findTenants, listAllTenants, listKnownTenants } from './tenants'

/** Maximum number of names that an error lists. */
const MOST_NAMES = 100

/** Selection of databases. */
export interface TargetSelection {
  all: boolean
  tenants: readonly string[]
  shards: readonly string[]
}

/** One database that the command is run for. */
export interface MigrationTarget {
  /** All names of the database, such as `default`, `tenant:acme` or `shard:eu`. */
  names: string[]
  /** Address of the database. It is never printed. */
  url: string
  schema?: string
}

/** A database whose environment variable is not read yet. */
export interface Location {
  name: string
  source: string
  schema?: string
  /** The option of the database, for errors. */
  path: string
}

/**
 * Collects the selected databases: each address and schema once, in the order default, tenants, shards.
 *
 * @throws CliFailure if variables are not set, with one sentence for each, or if a selected name does not exist
 */
export async function collectTargets(sources: TenantSources, selection: TargetSelection): Promise<MigrationTarget[]> {
  const { targets, unset } = await findTargets(sources, selection)
  if (unset.length > 0) throw new CliFailure(unset.map(describeUnset).join('\n'))
  return targets
}

/**
 * Collects the selected databases as {@link collectTargets}, but returns those whose variable is not set in `unset`.
 *
 * @throws CliFailure if a selected name does not exist
 */
export async function findTargets(
  sources: TenantSources,
  selection: TargetSelection,
): Promise<{ targets: MigrationTarget[], unset: Location[] }> {
  const { options, env } = sources
  if (selection.all === (selection.tenants.length + selection.shards.length > 0)) {
    throw new CliFailure('Select the databases: write either --all, or --tenant and --shard with their names.')
  }
  const tenants = tenantLocations(await (selection.all ? listAllTenants(sources) : findTenants(selection.tenants, sources)))
  const shards = shardLocations(options, env)
  const chosen = selection.all
    ? [...defaultLocation(options, env), ...tenants, ...shards]
    : [...await pickTenants(tenants, selection.tenants, sources), ...pick(shards, 'shard', selection.shards)]
  if (chosen.length === 0) {
    throw new CliFailure('The app does not have a database: set DATABASE_URL, scale.tenancy.map or scale.shards.map.')
  }
  const targets = new Map<string, MigrationTarget>()
  for (const { name, source, schema, path } of chosen) {
    if (!hasAddress(source, env)) continue
    const url = withSchema(readSource(source, env, path), schema)
    const known = targets.get(url)
    if (known) known.names.push(name)
    else targets.set(url, { names: [name], url, ...schema !== undefined && { schema } })
  }
  return { targets: [...targets.values()], unset: chosen.filter(({ source }) => !hasAddress(source, env)) }
}

function defaultLocation(options: AppOptions, env: NodeJS.ProcessEnv): Location[] {
  const written = options.database || {}
  const { database } = runTimeOptions({ ...options, database: written }, env)
  const { url, source, hasDefault } = databaseSettings.resolveGiven(database || {}, env)
  if (url !== undefined) return [{ name: 'default', source: url, path: 'scale.database.url' }]
  // An app that stores all data with tenants or shards does not need a default database.
  const isMissing = !hasDefault || (written.url === undefined && source === databaseSettings.defaults.url)
  return isMissing ? [] : [{ name: 'default', source, path: 'scale.database.url' }]
}

function tenantLocations(tenants: ReadonlyMap<string, TenantRecord>): Location[] {
  return [...tenants].flatMap(([id, { url, schema }]) => url
    ? [{
        name: `tenant:${id}`,
        source: url,
        schema,
        path: `The tenant ${id}`,
      }]
    : [])
}

/** The databases of the shards. */
export function shardLocations(options: AppOptions, env: NodeJS.ProcessEnv): Location[] {
  const { shards } = runTimeOptions(options, env)
  if (!shards) return []
  return [...shardsSettings.resolve(shards).map].map(([shard, { url, schema }]) => ({
    name: `shard:${shard}`,
    source: url,
    schema,
    path: `scale.shards.map.${shard}`,
  }))
}

/** Selects tenants by name. If a name is unknown, all tenants are listed, so that the error can suggest names. */
async function pickTenants(found: Location[], names: readonly string[], sources: TenantSources): Promise<Location[]> {
  const isFound = (name: string) => found.some(location => location.name === `tenant:${name}`)
  return pick(names.every(isFound) ? found : [...found, ...tenantLocations(await listKnownTenants(sources))], 'tenant', names)
}

function pick(locations: Location[], kind: 'tenant' | 'shard', names: readonly string[]): Location[] {
  return names.map((name) => {
    const found = locations.find(location => location.name === `${kind}:${name}`)
    if (found) return found
    const where = kind === 'tenant' ? 'scale.tenancy.map or server/scale.config.ts' : 'scale.shards.map'
    const known = [...new Set(locations.map(location => location.name.slice(kind.length + 1)))]
    const list = known.length > MOST_NAMES
      ? `${known.slice(0, MOST_NAMES).join(', ')} (and `
      + `${known.length - MOST_NAMES} more)`
      : known.join(', ')
    const advice = known.length > 0 ? `write one of ${list}.${didYouMean(name, known)}` : `the app does not list any ${kind}.`
    throw new CliFailure(`The ${kind} ${JSON.stringify(name)} does not have a database in ${where}: ${advice}`)
  })
}

/** Adds the schema to the address, where migration tools read it. */
function withSchema(url: string, schema: string | undefined): string {
  if (schema === undefined) return url
  const parsed = parseUrl(url)
  parsed.searchParams.set('schema', schema)
  return parsed.href
}
