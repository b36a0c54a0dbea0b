import type { ScaleConfig } from '../../config'
import { withDeadline } from '../../runtime/server/core/deadline'
import { parseTenants, resolveTenancySettings } from '../../runtime/server/tenancy/settings'
import type { TenancySettings } from '../../runtime/server/tenancy/settings'
import type { TenantRecord } from '../../runtime/server/tenancy/types'
import type { AppOptions } from '../support/app'
import { CliFailure } from '../support/exit'
import { runTimeOptions } from '../support/run-time-options'
import { reasonOf } from '../support/scale-config'

/** Milliseconds for `listTenants()`: longer than a request would wait, since the list may be long. */
const LIST_DEADLINE = 60_000
const LOOK_UP_DEADLINE = 5000
const FILE = 'server/scale.config.ts'

/** Where tenants are found: the options, and the functions of `server/scale.config.ts`. */
export interface TenantSources {
  options: AppOptions
  env: NodeJS.ProcessEnv
  /** Loads that file; asked only when the map is not enough. */
  loadConfig: () => Promise<ScaleConfig>
}

/**
 * Every tenant: those of the map, and those that `listTenants()` names. Where both know one, the map is right, as in the server.
 *
 * @throws CliFailure when tenants can only be looked up by id, since a database that is left out in silence is worse than an error
 */
export async function listAllTenants(sources: TenantSources): Promise<Map<string, TenantRecord>> {
  const { listTenants, tenants } = settingsOf(sources) === undefined ? {} : await sources.loadConfig()
  if (listTenants === undefined && tenants !== undefined) {
    throw new CliFailure(`tenants() of ${FILE} finds a tenant by its id, and nothing lists them all: write listTenants() beside it, or name them with --tenant.`)
  }
  return await listKnownTenants(sources)
}

/** The tenants that can be listed: those of the map and those of `listTenants()`. With `tenants()` alone there may be more. */
export async function listKnownTenants(sources: TenantSources): Promise<Map<string, TenantRecord>> {
  const settings = settingsOf(sources)
  if (settings === undefined) return new Map()
  const { listTenants } = await sources.loadConfig()
  if (listTenants === undefined) return new Map(settings.map)
  const listed = await bounded(() => listTenants(), 'listTenants()', LIST_DEADLINE)
  return new Map([...parseTenants(listed, settings.isTenantId, `listTenants() of ${FILE}`), ...settings.map])
}

/** Tenants by their ids: from the map, else from `tenants()`, else from `listTenants()`. Those that nobody knows are left out. */
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
  return tenancy ? resolveTenancySettings(tenancy) : undefined
}

async function bounded<T>(work: () => T | Promise<T>, name: string, deadline: number): Promise<T> {
  try {
    return await withDeadline(Promise.resolve().then(work), deadline, () => new Error(`it took longer than ${deadline} ms`))
  }
  catch (error) {
    throw new CliFailure(`${name} of ${FILE} failed: ${reasonOf(error)}`)
  }
}
