import type { ModuleOptions } from '../options'
import { isName } from '../runtime/server/core/database-address'
import { databaseSettings } from '../runtime/server/database/settings'
import { httpSettings, parseCredentialHeaders } from '../runtime/server/http/settings'
import { rabbitmqSettings } from '../runtime/server/rabbitmq/settings'
import { shardsSettings } from '../runtime/server/shards/settings'
import { tenancySettings } from '../runtime/server/tenancy/settings'
import { healthPathsOf, shutdownBudgetOf } from './app-contract'
import { parseCookiePattern, parseHeaderName, parsePlainPath, parseServerName, parseVariable } from './checks'
import { resolveDeploySettings } from './settings'
import type { Topology, TopologyDatabase, TopologyRedis, TopologyTenantHeader } from './topology'

/** Input of {@link createTopology}. */
export interface TopologyInput {
  /** The `scale` block of nuxt.config. */
  options: ModuleOptions
  /** `app.baseURL` and `app.buildAssetsDir` of nuxt.config. */
  paths: { baseURL: string, buildAssetsDir: string }
}

/**
 * Creates the topology of an app. It reads no environment variables, so the same options always create the same files.
 *
 * @throws Error that names an option that is wrong, or that contains characters which generated files cannot contain
 */
export function createTopology({ options, paths }: TopologyInput): Topology {
  const base = parsePlainPath(paths.baseURL, 'app.baseURL')
  const { serverNames, replicas, ...settings } = resolveDeploySettings(options.deploy, base)
  const health = healthPathsOf(options.health, base)
  if (health) parsePlainPath(health.aggregate, 'scale.health.path')
  if (options.rabbitmq) rabbitmqSettings.resolveGiven(options.rabbitmq, {})
  const redis = redisOf(options.redis)
  const databases = databasesOf(options)
  return {
    ...settings,
    hosts: serverNames ?? hostsOfTenants(options.tenancy),
    buildFiles: { path: base + parsePlainPath(`/${paths.buildAssetsDir.replaceAll(/^\/|\/$/g, '')}`, 'app.buildAssetsDir'), tree: true },
    health,
    shutdown: shutdownBudgetOf(options.shutdown),
    sessionCookies: cookiesOf(options.http),
    credentialHeaders: parseCredentialHeaders(httpSettings.complete(options.http || {}).credentialHeaders),
    tenantHeader: tenantHeaderOf(options.tenancy),
    instances: { web: replicas.web, worker: options.rabbitmq ? replicas.worker : undefined },
    redis,
    rabbitmq: Boolean(options.rabbitmq),
    databases,
    secrets: secretsOf({ options, redis, databases }),
  }
}

function hostsOfTenants(tenancy: ModuleOptions['tenancy']): string[] {
  if (!tenancy) return []
  const { baseDomains, byDomain } = tenancySettings.resolveGiven(tenancy)
  // If tenants have their own domains, the app must accept any host.
  if (byDomain && tenancy.from?.includes('domain')) return []
  return baseDomains.flatMap(domain => [domain, `*.${domain}`]).map(host => parseServerName(host, 'scale.tenancy.baseDomains'))
}

function cookiesOf(http: ModuleOptions['http']): readonly string[] {
  const { sessionCookies } = httpSettings.complete(http || {})
  return sessionCookies.map((pattern, index) => parseCookiePattern(pattern, `scale.http.sessionCookies[${index}]`))
}

function tenantHeaderOf(tenancy: ModuleOptions['tenancy']): TopologyTenantHeader | undefined {
  const header = tenancy ? tenancySettings.resolveGiven(tenancy).header : undefined
  if (!tenancy || header === undefined) return undefined
  return { name: parseHeaderName(header, 'scale.tenancy.header'), fromEdgeOnly: Array.isArray(tenancy.trustedProxies) }
}

function redisOf(redis: ModuleOptions['redis']): TopologyRedis | undefined {
  if (redis === false) return undefined
  const { cluster, sentinels, url, host } = redis ?? {}
  const hasAddress = (value: unknown) => value !== undefined && value !== '' && value !== false
  return {
    kind: hasAddress(cluster) ? 'cluster' : hasAddress(sentinels) ? 'sentinel' : 'single',
    addressed: [cluster, sentinels, url, host].some(hasAddress),
  }
}

/** Databases whose address is in an environment variable. Databases with an address in the options already exist or are embedded. */
function databasesOf({ database, tenancy, shards }: ModuleOptions): TopologyDatabase[] {
  const found = new Map<string, { names: string[], variable: string, ownServer: boolean }>()
  const add = (name: string, source: string | undefined, path: string, ownServer: boolean) => {
    if (!isName(source)) return
    const variable = parseVariable(source, path)
    const known = found.get(variable)
    if (known) known.names.push(name)
    else found.set(variable, { names: [name], variable, ownServer })
  }
  if (database) {
    const { url } = databaseSettings.complete(database)
    if (url !== false) add('default', url, 'scale.database.url', false)
  }
  if (tenancy) {
    for (const [id, { url }] of tenancySettings.resolveGiven(tenancy).map) add(`tenant ${id}`, url, `scale.tenancy.map.${id}`, false)
  }
  if (shards) {
    for (const [shard, { url }] of shardsSettings.resolveGiven(shards).map) add(`shard ${shard}`, url, `scale.shards.map.${shard}`, true)
  }
  return [...found.values()]
}

function secretsOf({ options, redis, databases }: {
  options: ModuleOptions
  redis: TopologyRedis | undefined
  databases: readonly TopologyDatabase[]
}): Topology['secrets'] {
  return {
    required: [
      ...redis && !redis.addressed ? ['NUXT_SCALE_REDIS_URL'] : [],
      ...options.rabbitmq ? ['NUXT_SCALE_RABBITMQ_URL'] : [],
      ...databases.map(({ variable }) => variable),
    ],
    optional: [
      ...redis?.addressed ? ['NUXT_SCALE_REDIS_PASSWORD'] : [],
      ...options.health !== false && options.health?.details === 'token' ? ['NUXT_SCALE_HEALTH_TOKEN'] : [],
      'NUXT_SCALE_SECRET',
    ],
  }
}
