import type { Duration } from '../cache/types'
import { parseReplicas } from '../database-address'
import { parseDuration } from '../duration'
import { parseCount, refuseOtherThanObject, refuseUnknownKeys } from '../settings'
import { checkPathPatterns } from '../core/paths'
import type { SourceDetails } from '../source-details'
import { withDetails } from '../source-details'
import type { TrustedAddresses } from '../trusted-addresses'
import { compileTrustedAddresses } from '../trusted-addresses'
import type { TenantRecord } from './types'

/** Where a request may name its tenant. */
export type TenantSource = 'header' | 'subdomain' | 'domain'

/** `scale.tenancy`: which tenant a request belongs to. Off until it is present. */
export interface TenancyModuleOptions {
  /**
   * Where a request names its tenant. Where several do, they must agree (421). `'subdomain'` needs `baseDomains`, `'domain'` needs `tenantByDomain`
   * in `server/scale.config.ts`; by default each of them is read when it is there.
   * @default ['header', 'subdomain', 'domain']
   */
  from?: readonly TenantSource[]
  /**
   * The header of `'header'`.
   * @default 'x-tenant-id'
   * @env NUXT_SCALE_TENANCY_HEADER
   */
  header?: string
  /**
   * Domains under which one label is the tenant: `'shop.example'` makes `acme.shop.example` the tenant `acme`.
   * @default []
   * @env NUXT_SCALE_TENANCY_BASE_DOMAINS a list in JSON
   */
  baseDomains?: readonly string[]
  /**
   * Labels before a base domain that name no tenant: `www.shop.example` is treated like `shop.example`. Write `[]` if `www` is a tenant.
   * @default ['www']
   * @env NUXT_SCALE_TENANCY_IGNORE_SUBDOMAINS a list in JSON
   */
  ignoreSubdomains?: readonly string[]
  /**
   * The tenants, and each one's database: a URL, the name of the environment variable that holds it, or a record. Names of variables keep secrets out of the build.
   * `tenants` of `server/scale.config.ts` finds those that are not listed, and its `listTenants` names them to the command line.
   * @default {}
   * @env NUXT_SCALE_TENANCY_MAP an object in JSON, whose tenants are added; NUXT_SCALE_TENANCY_MAP_<ID> the URL of one tenant, whose schema and replicas stay
   */
  map?: Readonly<Record<string, string | TenantRecord>>
  /**
   * Tenant of a request that names none. Without one such a request is answered with `missing`.
   * @default ''
   * @env NUXT_SCALE_TENANCY_DEFAULT
   */
  default?: string
  /**
   * Status of a request for a tenant that there is not.
   * @default 404
   * @env NUXT_SCALE_TENANCY_UNKNOWN
   */
  unknown?: number
  /**
   * Status of a request that names no tenant.
   * @default 400
   * @env NUXT_SCALE_TENANCY_MISSING
   */
  missing?: number
  /**
   * Peers whose header is believed: addresses and CIDR ranges of your proxies, which must set or drop the header of every request. From others it is ignored.
   * `'any'` believes everybody. In production a header needs this, or `authorize` in `server/scale.config.ts`.
   * @default ''
   * @env NUXT_SCALE_TENANCY_TRUSTED_PROXIES `any`, or a list in JSON
   */
  trustedProxies?: TrustedAddresses | ''
  /**
   * Paths without a tenant, besides build assets, public files and health. `*` stands for a part between slashes, `/**` for all below.
   * A path that can be read in several ways is excluded only if every reading is.
   * @default []
   */
  exclude?: readonly string[]
  /**
   * What a tenant's id looks like, as a regular expression over the whole id.
   * @default '[a-z0-9][a-z0-9-]{0,62}'
   */
  pattern?: string
  /**
   * How long an answer of `tenants` in `server/scale.config.ts` is used again. That there is no such tenant is kept a sixth of it.
   * @default '60s'
   * @env NUXT_SCALE_TENANCY_CACHE_TTL
   */
  cacheTtl?: Duration
}

export const tenancyDefaults: Required<TenancyModuleOptions> = {
  from: ['header', 'subdomain', 'domain'],
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
}

/** The options, checked and compiled. */
export interface TenancySettings {
  /** Lower-case name of the header; undefined when no header names the tenant. */
  header: string | undefined
  /** Lower-case, without a leading dot. Empty when no host names the tenant. */
  baseDomains: readonly string[]
  /** Lower-case labels before a base domain that name no tenant. */
  ignoreSubdomains: ReadonlySet<string>
  /** Whether whole domains may name tenants. */
  byDomain: boolean
  map: ReadonlyMap<string, TenantRecord>
  default: string | undefined
  unknown: number
  missing: number
  /** Undefined: nobody said whom to believe. */
  trusts: ((address: string | undefined) => boolean) | undefined
  /** Path patterns without a tenant. */
  exclude: readonly string[]
  isTenantId: (text: string) => boolean
  cacheTtl: number
}

const OPTION = 'scale.tenancy'

/**
 * @param details what `scale.tenancy.map` said of each database beside its address, where a variable may have taken the place of both
 * @throws Error naming the option that is wrong
 */
export function resolveTenancySettings(options: TenancyModuleOptions, details: Record<string, SourceDetails> = {}): TenancySettings {
  refuseOtherThanObject(options, OPTION)
  refuseUnknownKeys(options, Object.keys(tenancyDefaults), OPTION)
  const given = { ...tenancyDefaults, ...options }
  const from = listOf(given.from, 'from')
  const wrong = from.find(source => !tenancyDefaults.from.includes(source))
  if (wrong !== undefined || from.length === 0) throw new TypeError(`${OPTION}.from holds ${JSON.stringify(wrong ?? [])}: write one or several of 'header', 'subdomain' and 'domain'.`)
  const baseDomains = from.includes('subdomain') ? listOf(given.baseDomains, 'baseDomains').map(parseDomain) : []
  if (from.length === 1 && from[0] === 'subdomain' && baseDomains.length === 0) {
    throw new TypeError(`${OPTION}.baseDomains is empty: name the domains whose subdomains are tenants, such as 'shop.example'.`)
  }
  const isTenantId = compilePattern(given.pattern)
  const map = parseTenants(withDetails(given.map, details), isTenantId, `${OPTION}.map`)
  if (given.default !== '' && !isTenantId(given.default)) throw new TypeError(`${OPTION}.default is ${JSON.stringify(given.default)}: write a tenant's id.`)
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
  if (typeof header !== 'string' || !/^[\w!#$%&'*+.^`|~-]+$/.test(header)) throw new TypeError(`${OPTION}.header is ${JSON.stringify(header)}: write the name of a header, such as 'x-tenant-id'.`)
  return header.toLowerCase()
}

function parseDomain(domain: string): string {
  const plain = String(domain).toLowerCase().replace(/^\./, '')
  if (!/^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/.test(plain)) throw new TypeError(`${OPTION}.baseDomains holds ${JSON.stringify(domain)}: write a domain without a port, such as 'shop.example'.`)
  return plain
}

function parseLabel(label: string): string {
  const plain = String(label).toLowerCase()
  if (!/^[a-z0-9_-]{1,63}$/.test(plain)) throw new TypeError(`${OPTION}.ignoreSubdomains contains ${JSON.stringify(label)}: write one label of a host, such as 'www'.`)
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

/** A tenant's id is part of cache keys, labels and log lines. */
const MOST_CHARACTERS = 200

/**
 * Tenants and their databases, as `scale.tenancy.map` lists them.
 *
 * @param path what holds them, for errors
 * @throws TypeError that says nothing of a database
 */
export function parseTenants(map: unknown, isTenantId: (text: string) => boolean, path: string): Map<string, TenantRecord> {
  if (typeof map !== 'object' || map === null || Array.isArray(map)) throw new TypeError(`${path} is no object: write tenants and their databases, such as { acme: 'DATABASE_URL_ACME' }.`)
  const tenants = new Map<string, TenantRecord>()
  for (const [id, value] of Object.entries(map)) {
    if (!isTenantId(id)) throw new TypeError(`${path} names the tenant ${JSON.stringify(id)}, which ${OPTION}.pattern does not allow.`)
    tenants.set(id, parseRecord(value, `${path}.${id}`))
  }
  return tenants
}

/** Says nothing of the value, which may hold a password. */
function parseRecord(value: unknown, path: string): TenantRecord {
  if (typeof value === 'string') return value === '' ? {} : { url: value }
  if (typeof value !== 'object' || value === null) throw new TypeError(`${path} is neither a text nor an object: write a URL, the name of an environment variable, or { url, schema, replicas }.`)
  refuseUnknownKeys(value, ['url', 'schema', 'replicas'], path)
  parseReplicas((value as TenantRecord).replicas, `${path}.replicas`)
  return value as TenantRecord
}
