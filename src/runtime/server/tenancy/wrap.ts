import type { ServerResponse } from 'node:http'
import type { App, EventHandler, H3Event } from 'h3'
import { addVary, beforeHeaders } from '../request/before-headers'
import { currentTenant, runAsTenant, runRequest } from '../request/call-context'
import { addStage } from '../request/handler-chain'
import type { PathReadings } from '../core/paths'
import { readPath } from '../core/paths'
import { SHARED_CACHE_HEADERS } from '../request/cache-control'
import { createTenantGuard } from './guard-context'
import { fencePreflights, isPreflight } from './preflight'
import type { TenantResolver } from './resolve'
import type { Tenant } from './types'

/** Symbols on the event itself, because a look-up in a WeakMap of all requests is slow and few requests are refused. */
const REFUSAL = Symbol('why the request has no tenant')
const PREFLIGHT = Symbol('preflight accepted without a tenant')

type MarkedEvent = H3Event & { [REFUSAL]?: { error: unknown }, [PREFLIGHT]?: true }

export interface WrapOptions {
  resolver: TenantResolver
  /** Whether a path has no tenant. */
  isExcluded: (path: PathReadings) => boolean
  /** Whether a path is a public file, which every client may read without a tenant. Called only for refused requests. */
  isPublicFile: (path: string) => boolean
  /** Lower-case request headers that decide the tenant. */
  varies: readonly string[]
  /** Whether responses also depend on something that shared caches cannot see, such as a session. */
  isPrivate: boolean
  /** Called when the app sets `event.context.tenant`. When it throws, the assignment throws. */
  onAssignment: () => void
}

/**
 * Runs each request of the app, including its error handler, with its tenant.
 * It wraps the app's handler, because middleware of a module would run only after the middleware of the app.
 *
 * @param router the handler of the app's routes
 */
export function wrapWithTenant(app: Pick<App, 'handler' | 'options' | 'stack'>, router: EventHandler, options: WrapOptions): void {
  let handler: (event: H3Event) => unknown = app.handler
  const { onError, onRequest } = app.options
  const guard = guardOfSharedCaches(options)
  const letsPreflightsIn = fencePreflights(app, router, event => (event as MarkedEvent)[PREFLIGHT] === true)
  const { resolver, isExcluded, isPublicFile, onAssignment } = options
  const attach = createTenantGuard(onAssignment)

  function run(event: H3Event, tenant: Tenant): unknown {
    attach(event, tenant)
    return runRequest(event, 'tenant', tenant, () => handler(event))
  }

  function refuse(event: MarkedEvent, error: unknown): unknown {
    attach(event, undefined)
    // Nitro serves public files for GET and HEAD only: other methods would reach the app without a tenant.
    const path = readPath(event.path)
    if (/^(?:GET|HEAD)$/.test(event.method) && typeof path === 'string' && isPublicFile(path)) return handler(event)
    if (letsPreflightsIn && isPreflight(event.node.req)) {
      event[PREFLIGHT] = true
      return handler(event)
    }
    event[REFUSAL] = { error }
    return handler(event)
  }

  // The refusal is thrown after the app's own hooks, because its error pages may need what these hooks put on the event.
  app.options.onRequest = (event) => {
    const done = onRequest?.(event)
    const refusal = (event as MarkedEvent)[REFUSAL]
    return refusal === undefined ? done : Promise.resolve(done).then(() => Promise.reject(refusal.error))
  }

  function handle(event: H3Event): unknown {
    const outer = currentTenant()
    if (outer !== undefined) {
      // An internal request of the server keeps the tenant of the outer request, whatever its headers say.
      attach(event, outer)
      return handler(event)
    }
    if (isExcluded(readPath(event.path))) {
      attach(event, undefined)
      return handler(event)
    }
    if (guard) beforeHeaders(event.node.res, guard)
    let tenant: Tenant | Promise<Tenant>
    try {
      tenant = resolver.ofRequest(event)
    }
    catch (error) {
      return refuse(event, error)
    }
    return tenant instanceof Promise
      ? tenant.then(found => run(event, found), error => refuse(event, error))
      : run(event, tenant)
  }

  addStage(app, 'tenant', (next) => {
    handler = next
    return handle
  })

  if (onError) {
    app.options.onError = (error, event) => {
      const tenant = event.context.tenant as Tenant | undefined
      return tenant ? runAsTenant(tenant, () => onError(error, event)) : onError(error, event)
    }
  }
}

/** Adds `Vary`, and makes the response private if needed, so that shared caches keep tenants apart. */
function guardOfSharedCaches({ varies, isPrivate }: WrapOptions): ((response: ServerResponse) => void) | undefined {
  if (varies.length === 0 && !isPrivate) return undefined
  const names = varies.join(', ')
  return (response) => {
    addVary(response, names)
    if (isPrivate) makePrivate(response)
  }
}

const SHARED = /^(?:public|s-maxage=.*|proxy-revalidate)$/i

function makePrivate(response: ServerResponse): void {
  const directives = [response.getHeader('cache-control') ?? []].flat().join(',').split(',')
    .map(part => part.trim())
    .filter(part => part && !SHARED.test(part))
  if (!directives.some(directive => /^(?:private|no-store)$/i.test(directive))) directives.unshift('private')
  response.setHeader('cache-control', directives.join(', '))
  for (const name of SHARED_CACHE_HEADERS) response.removeHeader(name)
}
