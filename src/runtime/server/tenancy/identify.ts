import { PublicError } from '../request/errors'
import type { TenancySettings } from './settings'

/** What of a request says who its tenant is. */
export interface TenantClaims {
  /** Value of the tenant header as Node joins it; undefined when there is none. */
  header: string | undefined
  /** Value of `Host`. */
  host: string | undefined
  /** Address of the peer that sent the request. */
  peer: string | undefined
}

/** Hosts whose tenant is remembered at most. Anybody can send any host, so a full memory begins anew. */
const MOST_HOSTS = 1000

/** The tenant of a domain, or undefined when it is nobody's. */
export type FindByDomain = (domain: string) => string | undefined | Promise<string | undefined>

/**
 * Finds the tenant that a request names, by header or host.
 *
 * @param findByDomain asked for domains that are under no base domain
 * @returns a function of a request's claims: the tenant's id, or undefined when it names none. It throws HttpError 400 for a malformed header,
 * 404 for a malformed subdomain, 421 when header and host differ
 */
export function createIdentifier(settings: TenancySettings, findByDomain?: FindByDomain): (claims: TenantClaims) => string | undefined | Promise<string | undefined> {
  /** null for a host that names nobody. */
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

/** A name of the DNS, or an IPv4 address. */
const DOMAIN = /^(?=.{1,253}$)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/

/** The host in lower case, without port and the dot at its end. */
function domainOf(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
}

/** Two headers arrive joined by a comma, which no id holds. */
function fromHeader({ header, peer }: TenantClaims, { header: name, trusts, map, isTenantId }: TenancySettings): string | undefined {
  if (name === undefined || header === undefined || trusts?.(peer) === false) return undefined
  // Those that are listed were checked when the server started.
  if (!map.has(header) && !isTenantId(header)) throw new PublicError(400, 'TENANT_INVALID', `The header ${name} is no tenant: send one id, once.`)
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

/** With `shop.example` and `eu.shop.example` both given, `acme.eu.shop.example` belongs to the second. */
function longestBase(domain: string, baseDomains: readonly string[]): string | undefined {
  if (baseDomains.includes(domain)) return undefined
  let longest: string | undefined
  for (const base of baseDomains) {
    if (domain.endsWith(base) && domain[domain.length - base.length - 1] === '.' && base.length > (longest?.length ?? 0)) longest = base
  }
  return longest
}
