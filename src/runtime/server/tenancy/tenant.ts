import { addressOf } from '../core/database-address'
import type { Tenant, TenantRecord } from './types'

/**
 * Creates the frozen tenant object of requests.
 *
 * @param environment variables that the `url` of the record may name
 */
export function createTenant(id: string, record: TenantRecord, environment: NodeJS.ProcessEnv): Tenant {
  // `dbUrl` is a getter and not enumerable, so that JSON, spreads, loggers and util.inspect do not show it.
  return Object.freeze(Object.defineProperty({ id }, 'dbUrl', { get: () => addressOf(record.url, environment) }))
}
