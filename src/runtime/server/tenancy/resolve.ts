import type { IncomingMessage } from 'node:http'
import type { H3Event } from 'h3'
import { withDeadline } from '../deadline'
import { HttpError } from '../http-error'
import type { TenantDirectory } from './directory'
import { LOOK_UP_DEADLINE } from './directory'
import { createIdentifier } from './identify'
import type { TenantClaims } from './identify'
import type { TenancySettings } from './settings'
import { createTenant } from './tenant'
import type { Tenant, TenancyFunctions, TenantRecord } from './types'

/** Finds tenants by request and by id. */
export interface TenantResolver {
  /**
   * The tenant of a request. At once where nothing has to be waited for, which spares trivial routes a turn.
   *
   * @throws HttpError with the status of the refusal
   */
  ofRequest: (event: H3Event) => Tenant | Promise<Tenant>
  /** @throws HttpError when there is no such tenant */
  byId: (id: string) => Tenant | Promise<Tenant>
}

export function createTenantResolver(
  settings: TenancySettings, directory: TenantDirectory, functions: TenancyFunctions, environment: NodeJS.ProcessEnv,
): TenantResolver {
  const identify = createIdentifier(settings)
  // A record is the same object for as long as it is known, so each tenant is made once.
  const tenants = new WeakMap<TenantRecord, Tenant>()

  function byId(id: string): Tenant | Promise<Tenant> {
    const record = directory.find(id)
    return record instanceof Promise ? record.then(found => known(id, found)) : known(id, record)
  }

  function known(id: string, record: TenantRecord | undefined): Tenant {
    if (record === undefined) throw new HttpError(settings.unknown, 'There is no such tenant.')
    let tenant = tenants.get(record)
    if (tenant === undefined || tenant.id !== id) {
      tenant = createTenant(id, record, environment)
      tenants.set(record, tenant)
    }
    return tenant
  }

  function named(event: H3Event): string {
    const id = identify(claimsOf(event.node.req, settings)) ?? settings.default
    if (id === undefined) throw new HttpError(settings.missing, missingMessage(settings))
    return id
  }

  async function askFunctions(event: H3Event): Promise<Tenant> {
    const { tenant: find, authorize } = functions
    const found = find && await bounded(find(event), 'tenant()')
    if (found !== undefined && typeof found !== 'string') throw new TypeError('tenant() of server/scale.config.ts returned something else than a text: return the id of a tenant, or undefined.')
    const tenant = await byId(found ?? named(event))
    if (authorize && await bounded(authorize(event, tenant.id), 'authorize()') !== true) {
      throw new HttpError(403, 'You may not act for this tenant.')
    }
    return tenant
  }

  return {
    byId,
    ofRequest: functions.tenant || functions.authorize ? askFunctions : event => byId(named(event)),
  }
}

function bounded<T>(work: T | Promise<T>, name: string): Promise<T> {
  return withDeadline(work, LOOK_UP_DEADLINE, () => new HttpError(503, `${name} of server/scale.config.ts took longer than ${LOOK_UP_DEADLINE} ms.`, { retryAfter: 1 }))
}

function claimsOf({ headers, rawHeaders, socket }: IncomingMessage, settings: TenancySettings): TenantClaims {
  const header = settings.header === undefined ? undefined : headers[settings.header]
  if (settings.baseDomains.length > 0 && isNamedTwice(rawHeaders, 'host')) throw new HttpError(400, 'The request has more than one Host.')
  return {
    header: Array.isArray(header) ? header.join(', ') : header,
    host: headers.host ?? headers[':authority'] as string | undefined,
    peer: socket?.remoteAddress,
  }
}

/** Node keeps the first `Host` and drops the others, of which a proxy may have believed another. */
function isNamedTwice(rawHeaders: readonly string[], name: string): boolean {
  let found = false
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.length !== name.length || rawHeaders[at]!.toLowerCase() !== name) continue
    if (found) return true
    found = true
  }
  return false
}

function missingMessage({ header, baseDomains }: TenancySettings): string {
  const ways = [...header ? [`the header ${header}`] : [], ...baseDomains.length > 0 ? [`a subdomain of ${baseDomains.join(' or ')}`] : []]
  return `The request names no tenant: name one by ${ways.join(' or ')}.`
}
