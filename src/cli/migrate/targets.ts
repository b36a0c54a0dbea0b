import { parseUrl } from '../../runtime/server/database/redact'
import { databaseDefaults, resolveDatabaseSettings } from '../../runtime/server/database/settings'
import { resolveShardsSettings } from '../../runtime/server/shards/settings'
import type { TenantRecord } from '../../runtime/server/tenancy/types'
import type { AppOptions } from '../support/app'
import { CliFailure } from '../support/exit'
import { runTimeOptions } from '../support/run-time-options'
import { readSource } from '../support/source'
import type { TenantSources } from './tenants'
import { findTenants, listAllTenants } from './tenants'

/** Which databases are meant. */
export interface TargetSelection {
  all: boolean
  tenants: readonly string[]
  shards: readonly string[]
}

/** One database that the command is run for. */
export interface MigrationTarget {
  /** `default`, `tenant:acme`, `shard:eu`: all that mean this database. */
  names: string[]
  /** Never shown. */
  url: string
  schema?: string
}

/** Where a database is, before its variable is read. */
export interface Location {
  name: string
  source: string
  schema?: string
  /** The option that names it, for errors. */
  path: string
}

/**
 * The databases of an app, each address and schema once, in the order default, tenants, shards.
 *
 * @throws CliFailure one sentence, when something is selected that is not there, or has no address
 */
export async function collectTargets(sources: TenantSources, selection: TargetSelection): Promise<MigrationTarget[]> {
  const { options, env } = sources
  if (selection.all === (selection.tenants.length + selection.shards.length > 0)) throw new CliFailure('Which databases? Write either --all, or --tenant and --shard with their names.')
  const tenants = tenantLocations(await (selection.all ? listAllTenants(sources) : findTenants(selection.tenants, sources)))
  const shards = shardLocations(options, env)
  const chosen = selection.all
    ? [...defaultLocation(options, env), ...tenants, ...shards]
    : [...pick(tenants, 'tenant', selection.tenants), ...pick(shards, 'shard', selection.shards)]
  if (chosen.length === 0) throw new CliFailure('The app has no database: set DATABASE_URL, scale.tenancy.map or scale.shards.map.')
  const targets = new Map<string, MigrationTarget>()
  for (const { name, source, schema, path } of chosen) {
    const url = withSchema(readSource(source, env, path), schema)
    const known = targets.get(url)
    if (known) known.names.push(name)
    else targets.set(url, { names: [name], url, ...schema !== undefined && { schema } })
  }
  return [...targets.values()]
}

function defaultLocation(options: AppOptions, env: NodeJS.ProcessEnv): Location[] {
  const written = options.database || {}
  const { url, source } = resolveDatabaseSettings(runTimeOptions({ ...options, database: written }, env).database || {}, env)
  if (url !== undefined) return [{ name: 'default', source: url, path: 'scale.database.url' }]
  // An app whose data is all with its tenants or shards has no such database.
  return written.url === undefined && source === databaseDefaults.url ? [] : [{ name: 'default', source, path: 'scale.database.url' }]
}

function tenantLocations(tenants: ReadonlyMap<string, TenantRecord>): Location[] {
  return [...tenants].flatMap(([id, { url, schema }]) => url ? [{ name: `tenant:${id}`, source: url, schema, path: `The tenant ${id}` }] : [])
}

/** Where the shards of an app are. */
export function shardLocations(options: AppOptions, env: NodeJS.ProcessEnv): Location[] {
  const { shards } = runTimeOptions(options, env)
  if (!shards) return []
  return [...resolveShardsSettings(shards).map].map(([shard, { url, schema }]) => ({
    name: `shard:${shard}`,
    source: url,
    schema,
    path: `scale.shards.map.${shard}`,
  }))
}

function pick(locations: Location[], kind: 'tenant' | 'shard', names: readonly string[]): Location[] {
  return names.map((name) => {
    const found = locations.find(location => location.name === `${kind}:${name}`)
    if (found) return found
    const where = kind === 'tenant' ? 'scale.tenancy.map, and server/scale.config.ts does not find it' : 'scale.shards.map'
    const known = locations.map(location => location.name.slice(kind.length + 1)).join(', ') || '(none)'
    throw new CliFailure(`The ${kind} ${JSON.stringify(name)} has no database in ${where}: write one of ${known}.`)
  })
}

/** Migration tools read the schema from the address. */
function withSchema(url: string, schema: string | undefined): string {
  if (schema === undefined) return url
  const parsed = parseUrl(url)
  parsed.searchParams.set('schema', schema)
  return parsed.href
}
