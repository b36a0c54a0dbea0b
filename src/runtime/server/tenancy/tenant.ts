import { addressOf } from '../database-address'
import type { Tenant, TenantRecord } from './types'

/**
 * The frozen tenant of a request.
 *
 * @param environment where names of variables are looked up
 */
export function createTenant(id: string, record: TenantRecord, environment: NodeJS.ProcessEnv): Tenant {
  // A getter and not enumerable: JSON, spreads, loggers and util.inspect pass it by.
  return Object.freeze(Object.defineProperty({ id }, 'dbUrl', { get: () => addressOf(record.url, environment) }))
}
