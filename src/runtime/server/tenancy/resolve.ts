import type { IncomingMessage } from 'node:http'
import type { H3Event } from 'h3'
import { withDeadline } from '../core/deadline'
import { HttpError, PublicError } from '../request/errors'
import type { TenantRecords } from './directory'
import { createLookUp, createTenant, LOOK_UP_DEADLINE } from './directory'
import { createIdentifier } from './identify'
import type { FindByDomain, TenantClaims } from './identify'
import type { TenancySettings } from './settings'
import type { Tenant, TenancyFunctions, TenantRecord } from './types'
import { defineService } from '../core/service'

/** Finds tenants by request and by id. */
export interface TenantResolver {
  /**
   * Finds the tenant of a request. Returns synchronously where possible, so that simple routes do not wait a turn of the event loop.
   *
   * @throws HttpError when the request has no valid tenant, or may not act for it
   */
  ofRequest: (event: H3Event) => Tenant | Promise<Tenant>
  /** Finds a tenant by its id. @throws HttpError when the tenant does not exist */
  byId: (id: string) => Tenant | Promise<Tenant>
}

/**
 * Creates the tenant resolver.
 *
 * @param environment variables that records of tenants may name
 */
export function createTenantResolver(
  settings: TenancySettings, directory: TenantRecords, functions: TenancyFunctions, environment: NodeJS.ProcessEnv,
): TenantResolver {
  const { tenant: find, authorize, tenantByDomain } = functions
  const identify = createIdentifier(settings, tenantByDomain && domainFinder(tenantByDomain, settings))
  const readsHost = settings.baseDomains.length > 0 || tenantByDomain !== undefined
  // The directory returns the same record object while it is cached, so each tenant object is created once.
  const tenants = new WeakMap<TenantRecord, Tenant>()

  function byId(id: string): Tenant | Promise<Tenant> {
    const record = directory.find(id)
    return record instanceof Promise ? record.then(found => known(id, found)) : known(id, record)
  }

  function known(id: string, record: TenantRecord | undefined): Tenant {
    if (record === undefined) throw new PublicError(settings.unknown, 'TENANT_UNKNOWN', 'There is no such tenant.')
    let tenant = tenants.get(record)
    if (tenant === undefined || tenant.id !== id) {
      tenant = createTenant(id, record, environment)
      tenants.set(record, tenant)
    }
    return tenant
  }

  function named(event: H3Event): string | Promise<string> {
    const id = identify(claimsOf(event.node.req, settings, readsHost))
    return id instanceof Promise ? id.then(orDefault) : orDefault(id)
  }

  function orDefault(named: string | undefined): string {
    const id = named ?? settings.default
    if (id === undefined) throw new PublicError(settings.missing, 'TENANT_MISSING', missingMessage(settings, tenantByDomain !== undefined))
    return id
  }

  function ofNamed(event: H3Event): Tenant | Promise<Tenant> {
    const id = named(event)
    return id instanceof Promise ? id.then(byId) : byId(id)
  }

  async function askFunctions(event: H3Event): Promise<Tenant> {
    const found = find && checkId(await bounded(find(event), 'tenant()'), 'tenant()')
    const tenant = await byId(found ?? await named(event))
    if (authorize && await bounded(authorize(event, tenant.id), 'authorize()') !== true) {
      throw new PublicError(403, 'TENANT_FORBIDDEN', 'You may not act for this tenant.')
    }
    return tenant
  }

  return {
    byId,
    ofRequest: find || authorize ? askFunctions : ofNamed,
  }
}

function domainFinder(tenantByDomain: NonNullable<TenancyFunctions['tenantByDomain']>, { cacheTtl }: TenancySettings): FindByDomain {
  const source = async (domain: string) => checkId(await tenantByDomain(domain), 'tenantByDomain()')
  return createLookUp({ source, name: 'tenantByDomain()', ttl: cacheTtl })
}

function checkId(found: unknown, name: string): string | undefined {
  if (found === undefined || typeof found === 'string') return found
  throw new TypeError(`${name} of server/scale.config.ts must return a tenant id (string) or undefined.`)
}

function bounded<T>(work: T | Promise<T>, name: string): Promise<T> {
  return withDeadline(work, LOOK_UP_DEADLINE, () => {
    const message = `${name} of server/scale.config.ts took longer than ${LOOK_UP_DEADLINE} ms.`
    return new HttpError(503, 'TENANTS_UNAVAILABLE', message, { retryAfter: 1 })
  })
}

function claimsOf({ headers, rawHeaders, socket }: IncomingMessage, settings: TenancySettings, readsHost: boolean): TenantClaims {
  const header = settings.header === undefined ? undefined : headers[settings.header]
  if (readsHost && hasTwoHosts(rawHeaders)) throw new PublicError(400, 'HOST_INVALID', 'The request has more than one Host.')
  return {
    header: Array.isArray(header) ? header.join(', ') : header,
    host: headers.host ?? headers[':authority'] as string | undefined,
    peer: socket?.remoteAddress,
  }
}

/** Node keeps the first `Host` header and drops the others. A proxy may have used another one, so such requests are refused. */
function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let found = false
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    // Nearly all clients use these two spellings, and these comparisons avoid a lower-case copy of every name.
    if (name !== 'Host' && name !== 'host' && (name.length !== 4 || name.toLowerCase() !== 'host')) continue
    if (found) return true
    found = true
  }
  return false
}

function missingMessage({ header, baseDomains }: TenancySettings, byDomain: boolean): string {
  const ways = [
    ...header ? [`the header ${header}`] : [],
    ...baseDomains.length > 0 ? [`a subdomain of ${baseDomains.join(' or ')}`] : [],
    ...byDomain ? ['a domain of its own'] : [],
  ]
  return `The request names no tenant: use ${ways.join(' or ')}.`
}

/** The tenant resolver of this process. */
export const tenancyService = defineService<TenantResolver>(
  'A tenant was looked up before the server started: do it in a handler, a task or a plugin of your own, not at the top of a file.',
)
