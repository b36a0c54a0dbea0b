import type { ScaleConfig } from '../../config'
import { withDeadline } from '../../runtime/server/core/deadline'
import { parseTenants, tenancySettings } from '../../runtime/server/tenancy/settings'
import type { TenancySettings } from '../../runtime/server/tenancy/settings'
import type { TenantRecord } from '../../runtime/server/tenancy/types'
import type { AppOptions } from '../support/app'
import { CliFailure } from '../support/command'
import { runTimeOptions } from '../support/run-time-options'
import { reasonOf } from '../support/scale-config'

/** Milliseconds for `listTenants()`. This is longer than a request waits, because the list may be long. */
const LIST_DEADLINE = 60_000
const LOOK_UP_DEADLINE = 5000
const FILE = 'server/scale.config.ts'

/** Sources of tenants: the options, and the functions of `server/scale.config.ts`. */
export interface TenantSources {
  options: AppOptions
  env: NodeJS.ProcessEnv
  /** Loads `server/scale.config.ts`. It is called only if the map does not contain all tenants. */
  loadConfig: () => Promise<ScaleConfig>
}

/**
 * Lists every tenant of the map and of `listTenants()`. If both contain a tenant, the map takes precedence, as in the server.
 *
 * @throws CliFailure if tenants can only be looked up by id: skipping a database silently is worse than an error
 */
export async function listAllTenants(sources: TenantSources): Promise<Map<string, TenantRecord>> {
  const { listTenants, tenants } = settingsOf(sources) === undefined ? {} : await sources.loadConfig()
  if (listTenants === undefined && tenants !== undefined) {
    throw new CliFailure(`tenants() of ${FILE} cannot list all tenants: add listTenants() to this file, or write --tenant with their ids.`)
  }
  return await listKnownTenants(sources)
}

/** Lists the tenants of the map and of `listTenants()`. If the app has only `tenants()`, there may be more. */
export async function listKnownTenants(sources: TenantSources): Promise<Map<string, TenantRecord>> {
  const settings = settingsOf(sources)
  if (settings === undefined) return new Map()
  const { listTenants } = await sources.loadConfig()
  if (listTenants === undefined) return new Map(settings.map)
  const listed = await bounded(() => listTenants(), 'listTenants()', LIST_DEADLINE)
  return new Map([...parseTenants(listed, settings.isTenantId, `listTenants() of ${FILE}`), ...settings.map])
}

/** Finds tenants by id: in the map, else with `tenants()`, else with `listTenants()`. Unknown tenants are left out. */
export async function findTenants(ids: readonly string[], sources: TenantSources): Promise<Map<string, TenantRecord>> {
  const settings = settingsOf(sources)
  const found = new Map<string, TenantRecord>()
  if (settings === undefined || ids.length === 0) return found
  const { tenants, listTenants } = ids.every(id => settings.map.has(id)) ? {} : await sources.loadConfig()
  const all = tenants === undefined && listTenants !== undefined ? await listAllTenants(sources) : settings.map
  for (const id of ids) {
    let record = all.get(id)
    if (record === undefined && tenants && settings.isTenantId(id)) record = await bounded(() => tenants(id), 'tenants()', LOOK_UP_DEADLINE)
    if (record !== undefined) found.set(id, record)
  }
  return found
}

function settingsOf({ options, env }: TenantSources): TenancySettings | undefined {
  const { tenancy } = runTimeOptions(options, env)
  return tenancy ? tenancySettings.resolve(tenancy) : undefined
}

async function bounded<T>(work: () => T | Promise<T>, name: string, deadline: number): Promise<T> {
  try {
    return await withDeadline(Promise.resolve().then(work), deadline, () => new Error(`no result within ${deadline} ms`))
  }
  catch (error) {
    throw new CliFailure(`${name} of ${FILE} failed: ${reasonOf(error)}`)
  }
}
