import type { Duration } from '../core/duration'
import { parseReplicas } from '../core/database-address'
import { parseDuration } from '../core/duration'
import type { Complete } from '../core/feature-settings'
import { defineSettings } from '../core/feature-settings'
import { parseCount, refuseUnknownKeys } from '../core/settings'
import { checkPathPatterns } from '../core/paths'
import type { SourceDetails } from '../core/source-details'
import { withDetails } from '../core/source-details'
import type { TrustedAddresses } from '../core/trusted-addresses'
import { compileTrustedAddresses } from '../core/trusted-addresses'
import type { TenantRecord } from './types'

/** Part of a request that names its tenant. */
type TenantSource = 'header' | 'subdomain' | 'domain'

/** `scale.tenancy`: finds the tenant of each request. The feature is off unless the option is set. */
export interface TenancyModuleOptions {
  /**
   * Parts of a request that name its tenant. If several name one, they must agree; otherwise the request gets 421.
   * `'subdomain'` needs `baseDomains`. `'domain'` needs `tenantByDomain` in `server/scale.config.ts`.
   * @default ['header', 'subdomain', 'domain']
   */
  from?: readonly TenantSource[]
  /**
   * Name of the request header that contains the tenant id, for `from: ['header']`.
   * @default 'x-tenant-id'
   * @env NUXT_SCALE_TENANCY_HEADER
   */
  header?: string
  /**
   * Domains whose subdomains are tenants: with `'shop.example'`, the host `acme.shop.example` names the tenant `acme`.
   * @default []
   * @env NUXT_SCALE_TENANCY_BASE_DOMAINS a JSON array
   */
  baseDomains?: readonly string[]
  /**
   * Subdomains that are not tenants: `www.shop.example` is treated like `shop.example`. Write `[]` if `www` is a tenant.
   * @default ['www']
   * @env NUXT_SCALE_TENANCY_IGNORE_SUBDOMAINS a JSON array
   */
  ignoreSubdomains?: readonly string[]
  /**
   * Tenant ids, each with its database: a URL, the name of an environment variable that contains it, or a record
   * `{ url, schema, replicas }`. Use names of variables to keep secrets out of the build.
   * To find tenants that are not listed here, write `tenants()` in `server/scale.config.ts`.
   * The command line lists those with `listTenants()`.
   * @default {}
   * @env NUXT_SCALE_TENANCY_MAP a JSON object whose tenants are added
   * @env NUXT_SCALE_TENANCY_MAP_<ID> the URL of one tenant; its schema and replicas stay as configured
   */
  map?: Readonly<Record<string, string | TenantRecord>>
  /**
   * Tenant of requests that name none. If it is empty, such requests get the status `missing`.
   * @default ''
   * @env NUXT_SCALE_TENANCY_DEFAULT
   */
  default?: string
  /**
   * HTTP status for a request whose tenant does not exist, from 400 to 499.
   * @default 404
   * @env NUXT_SCALE_TENANCY_UNKNOWN
   */
  unknown?: number
  /**
   * HTTP status for a request that names no tenant, from 400 to 499.
   * @default 400
   * @env NUXT_SCALE_TENANCY_MISSING
   */
  missing?: number
  /**
   * Addresses and CIDR ranges of the proxies whose tenant header is trusted. From other peers the header is ignored.
   * These proxies must set or remove the header on every request. `'any'` trusts every peer.
   * In production a tenant header needs this option, or `authorize()` in `server/scale.config.ts`.
   * @default ''
   * @env NUXT_SCALE_TENANCY_TRUSTED_PROXIES `any`, or a JSON array
   */
  trustedProxies?: TrustedAddresses | ''
  /**
   * Patterns of paths without a tenant. Build assets, public files and health paths are always excluded.
   * `*` matches one part between slashes, `/**` matches everything below a path.
   * If a path can be decoded in several ways, it is excluded only if every reading of it matches.
   * @default []
   */
  exclude?: readonly string[]
  /**
   * Regular expression that the whole tenant id must match. Ids longer than 200 characters are always refused.
   * @default '[a-z0-9][a-z0-9-]{0,62}'
   */
  pattern?: string
  /**
   * How long results of `tenants()` and `tenantByDomain()` in `server/scale.config.ts` are cached. Plain numbers are seconds.
   * Unknown tenants are cached for one sixth of this time.
   * @default '60s'
   * @env NUXT_SCALE_TENANCY_CACHE_TTL
   */
  cacheTtl?: Duration
}

/** The options after validation. */
export interface TenancySettings {
  /** Lower-case name of the header; undefined when no header names the tenant. */
  header: string | undefined
  /** Lower-case, without a leading dot. Empty when no subdomain names the tenant. */
  baseDomains: readonly string[]
  /** Lower-case subdomains that are not tenants. */
  ignoreSubdomains: ReadonlySet<string>
  /** Whether `tenantByDomain()` may find tenants by their whole domain. */
  byDomain: boolean
  map: ReadonlyMap<string, TenantRecord>
  default: string | undefined
  unknown: number
  missing: number
  /** Whether the tenant header of a peer is trusted. Undefined if `trustedProxies` is not set; then every peer is trusted. */
  trusts: ((address: string | undefined) => boolean) | undefined
  /** Patterns of paths without a tenant. */
  exclude: readonly string[]
  isTenantId: (text: string) => boolean
  /** Milliseconds. */
  cacheTtl: number
}

const OPTION = 'scale.tenancy'

const SOURCES: readonly TenantSource[] = ['header', 'subdomain', 'domain']

/** The options of `scale.tenancy`. */
export const tenancySettings = defineSettings({
  path: OPTION,
  defaults: {
    from: SOURCES,
    header: 'x-tenant-id',
    baseDomains: [],
    ignoreSubdomains: ['www'],
    map: {},
    default: '',
    unknown: 404,
    missing: 400,
    trustedProxies: '',
    exclude: [],
    pattern: '[a-z0-9][a-z0-9-]{0,62}',
    cacheTtl: '60s',
  },
  resolve: resolveTenancy,
})

/** @param details the `schema` and `replicas` of each tenant in `scale.tenancy.map`, since a variable may replace its entry */
function resolveTenancy(given: Complete<TenancyModuleOptions>, details: Record<string, SourceDetails> = {}): TenancySettings {
  const from = listOf(given.from, 'from')
  const wrong = from.find(source => !SOURCES.includes(source))
  if (wrong !== undefined || from.length === 0) {
    const problem = wrong === undefined ? 'is empty' : `contains ${JSON.stringify(wrong)}`
    throw new TypeError(`${OPTION}.from ${problem}: write one or several of 'header', 'subdomain' and 'domain'.`)
  }
  const baseDomains = from.includes('subdomain') ? listOf(given.baseDomains, 'baseDomains').map(parseDomain) : []
  if (from.length === 1 && from[0] === 'subdomain' && baseDomains.length === 0) {
    throw new TypeError(`${OPTION}.baseDomains is empty: name the domains whose subdomains are tenants, such as 'shop.example'.`)
  }
  const isTenantId = compilePattern(given.pattern)
  const map = parseTenants(withDetails(given.map, details), isTenantId, `${OPTION}.map`)
  if (given.default !== '' && !isTenantId(given.default)) {
    throw new TypeError(`${OPTION}.default is ${JSON.stringify(given.default)}: write a tenant's id that matches ${OPTION}.pattern.`)
  }
  return {
    header: from.includes('header') ? parseHeader(given.header) : undefined,
    baseDomains,
    ignoreSubdomains: new Set(listOf(given.ignoreSubdomains, 'ignoreSubdomains').map(parseLabel)),
    byDomain: from.includes('domain'),
    map,
    default: given.default || undefined,
    unknown: parseStatus(given.unknown, 'unknown'),
    missing: parseStatus(given.missing, 'missing'),
    trusts: given.trustedProxies === '' ? undefined : compileTrustedAddresses(given.trustedProxies, `${OPTION}.trustedProxies`),
    exclude: checkPathPatterns(listOf(given.exclude, 'exclude'), `${OPTION}.exclude`),
    isTenantId,
    cacheTtl: parseDuration(given.cacheTtl, `${OPTION}.cacheTtl`),
  }
}

function listOf<T>(value: readonly T[], option: string): readonly T[] {
  if (!Array.isArray(value)) throw new TypeError(`${OPTION}.${option} is ${JSON.stringify(value)}: write a list.`)
  return value
}

function parseHeader(header: string): string {
  if (typeof header !== 'string' || !/^[\w!#$%&'*+.^`|~-]+$/.test(header)) {
    throw new TypeError(`${OPTION}.header is ${JSON.stringify(header)}: write the name of a header, such as 'x-tenant-id'.`)
  }
  return header.toLowerCase()
}

function parseDomain(domain: string): string {
  const plain = String(domain).toLowerCase().replace(/^\./, '')
  if (!/^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/.test(plain)) {
    throw new TypeError(`${OPTION}.baseDomains contains ${JSON.stringify(domain)}: write a domain without a port, such as 'shop.example'.`)
  }
  return plain
}

function parseLabel(label: string): string {
  const plain = String(label).toLowerCase()
  if (!/^[a-z0-9_-]{1,63}$/.test(plain)) {
    throw new TypeError(`${OPTION}.ignoreSubdomains contains ${JSON.stringify(label)}: write a subdomain without dots, such as 'www'.`)
  }
  return plain
}

function parseStatus(status: number, option: string): number {
  const parsed = parseCount(status, `${OPTION}.${option}`, 400)
  if (parsed > 499) throw new TypeError(`${OPTION}.${option} is ${parsed}: write a status from 400 to 499.`)
  return parsed
}

function compilePattern(pattern: string): (text: string) => boolean {
  let expression: RegExp
  try {
    expression = new RegExp(`^(?:${pattern})$`)
  }
  catch {
    throw new TypeError(`${OPTION}.pattern is ${JSON.stringify(pattern)}: write a regular expression, such as '[a-z0-9-]{1,63}'.`)
  }
  return text => text.length <= MOST_CHARACTERS && expression.test(text)
}

/** Longest tenant id in characters. The id is part of cache keys, metric labels and log lines. */
const MOST_CHARACTERS = 200

/**
 * Checks a map of tenants and their databases, in the form of `scale.tenancy.map`.
 *
 * @param path name of the map in errors
 * @throws TypeError that contains no address, because an address may contain a password
 */
export function parseTenants(map: unknown, isTenantId: (text: string) => boolean, path: string): Map<string, TenantRecord> {
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new TypeError(`${path} must be an object of tenant ids: write { acme: 'DATABASE_URL_ACME' }.`)
  }
  const tenants = new Map<string, TenantRecord>()
  for (const [id, value] of Object.entries(map)) {
    if (!isTenantId(id)) {
      throw new TypeError(`${path} names the tenant ${JSON.stringify(id)}, which ${OPTION}.pattern does not allow:`
        + ' rename the tenant, or change the pattern.')
    }
    tenants.set(id, parseRecord(value, `${path}.${id}`))
  }
  return tenants
}

/** Errors do not show the value, because it may contain a password. */
function parseRecord(value: unknown, path: string): TenantRecord {
  if (typeof value === 'string') return value === '' ? {} : { url: value }
  if (typeof value !== 'object' || value === null) {
    throw new TypeError(`${path} must be a string or an object:`
      + ' write a URL, the name of an environment variable, or { url, schema, replicas }.')
  }
  refuseUnknownKeys(value, ['url', 'schema', 'replicas'], path)
  parseReplicas((value as TenantRecord).replicas, `${path}.replicas`)
  return value as TenantRecord
}
