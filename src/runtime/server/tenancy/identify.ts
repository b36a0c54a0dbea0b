import { PublicError } from '../request/errors'
import type { TenancySettings } from './settings'

/** The parts of a request that can identify its tenant. */
export interface TenantClaims {
  /** Value of the tenant header, where Node joins repeated headers with a comma; undefined if the header is absent. */
  header: string | undefined
  /** Value of `Host`. */
  host: string | undefined
  /** Address of the peer that sent the request. */
  peer: string | undefined
}

/** Most hosts in the memory. Clients can send any host, so the memory is cleared when it is full. */
const MOST_HOSTS = 1000

/** Finds the id of a domain's tenant; undefined if the domain belongs to no tenant. */
export type FindByDomain = (domain: string) => string | undefined | Promise<string | undefined>

/**
 * Creates a function that finds the tenant id of a request by its header or host.
 *
 * @param findByDomain called for hosts that are not below a base domain
 * @returns a function that returns the tenant's id, or undefined if the request names no tenant. It throws HttpError 400 for
 * a malformed header, `scale.tenancy.unknown` (404) for a malformed subdomain, and 421 if header and host name different tenants
 */
export function createIdentifier(
  settings: TenancySettings, findByDomain?: FindByDomain,
): (claims: TenantClaims) => string | undefined | Promise<string | undefined> {
  /** Host → tenant id, or `null` if the host names no tenant. */
  const hosts = new Map<string, string | null>()

  function bySubdomain(host: string | undefined): string | undefined {
    if (host === undefined || settings.baseDomains.length === 0) return undefined
    let tenant = hosts.get(host)
    if (tenant === undefined) {
      tenant = fromHost(host, settings) ?? null
      if (hosts.size >= MOST_HOSTS) hosts.clear()
      hosts.set(host, tenant)
    }
    return tenant ?? undefined
  }

  function byDomain(host: string | undefined): ReturnType<FindByDomain> {
    if (findByDomain === undefined || host === undefined) return undefined
    const domain = domainOf(host)
    return DOMAIN.test(domain) ? findByDomain(domain) : undefined
  }

  function agree(byHeader: string | undefined, byHost: string | undefined): string | undefined {
    if (byHeader !== undefined && byHost !== undefined && byHeader !== byHost) {
      throw new PublicError(421, 'TENANT_MISMATCH', `The header ${settings.header} and the host name different tenants.`)
    }
    return byHeader ?? byHost
  }

  return (claims) => {
    const byHeader = fromHeader(claims, settings)
    const byHost = bySubdomain(claims.host) ?? byDomain(claims.host)
    return byHost instanceof Promise ? byHost.then(found => agree(byHeader, found)) : agree(byHeader, byHost)
  }
}

/** Matches a DNS name or an IPv4 address. */
const DOMAIN = /^(?=.{1,253}$)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/

/** Returns the host in lower case, without its port and trailing dot. */
function domainOf(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
}

/** Node joins repeated headers with a comma. A comma is not valid in an id, so repeated headers are refused. */
function fromHeader({ header, peer }: TenantClaims, { header: name, trusts, map, isTenantId }: TenancySettings): string | undefined {
  if (name === undefined || header === undefined || trusts?.(peer) === false) return undefined
  // Ids in the map were checked when the server started.
  if (!map.has(header) && !isTenantId(header)) {
    throw new PublicError(400, 'TENANT_INVALID', `The header ${name} must contain one tenant id: send the header once.`)
  }
  return header
}

function fromHost(host: string, { baseDomains, ignoreSubdomains, isTenantId, unknown }: TenancySettings): string | undefined {
  const domain = domainOf(host)
  const base = longestBase(domain, baseDomains)
  if (base === undefined) return undefined
  const label = domain.slice(0, -base.length - 1)
  if (ignoreSubdomains.has(label)) return undefined
  if (!isTenantId(label) || label.includes('.')) throw new PublicError(unknown, 'TENANT_UNKNOWN', 'There is no such tenant.')
  return label
}

/** The longest base domain above `domain`: of `shop.example` and `eu.shop.example`, the second contains `acme.eu.shop.example`. */
function longestBase(domain: string, baseDomains: readonly string[]): string | undefined {
  if (baseDomains.includes(domain)) return undefined
  let longest: string | undefined
  for (const base of baseDomains) {
    if (domain.endsWith(base) && domain[domain.length - base.length - 1] === '.' && base.length > (longest?.length ?? 0)) longest = base
  }
  return longest
}
