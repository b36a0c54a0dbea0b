import type { Tenant, TenantRecord } from './types'

/**
 * The frozen tenant of a request.
 *
 * @param environment where names of variables are looked up
 */
export function createTenant(id: string, record: TenantRecord, environment: NodeJS.ProcessEnv): Tenant {
  // A getter and not enumerable: JSON, spreads, loggers and util.inspect pass it by.
  return Object.freeze(Object.defineProperty({ id }, 'dbUrl', { get: () => databaseUrl(record.url, environment) }))
}

/** A URL as it is, or what the environment variable of that name holds. */
export function databaseUrl(url: string | undefined, environment: NodeJS.ProcessEnv): string | undefined {
  if (!url) return undefined
  return url.includes(':') ? url : environment[url] || undefined
}
