import type { TenantResolver } from './resolve'

let resolver: TenantResolver | undefined

/**
 * Returns the tenant resolver of this process.
 *
 * @throws Error before the server has started
 */
export function useTenantResolver(): TenantResolver {
  if (!resolver) {
    throw new Error('A tenant was looked up before the server started:'
      + ' do it in a handler, a task or a plugin of your own, not at the top of a file.')
  }
  return resolver
}

export function setTenantResolver(newResolver: TenantResolver): void {
  resolver = newResolver
}
