import type { HealthPaths } from '../runtime/server/core/health-checks'
import type { ShutdownBudget } from './app-contract'
import type { PathPattern } from './checks'
import type { DeploySettings } from './settings'

/** A database of the app. */
export interface TopologyDatabase {
  /** All names of the database, such as `default`, `tenant acme` or `shard eu`. */
  names: readonly string[]
  /** The environment variable with its address. */
  variable: string
  /** Whether it has its own server, as a shard does. Tenants share the server of the default database. */
  ownServer: boolean
}

/** Redis, according to the options. */
export interface TopologyRedis {
  kind: 'single' | 'sentinel' | 'cluster'
  /** Whether the options contain an address. Then only the password comes from the environment. */
  addressed: boolean
}

/** The tenant header, as the balancer handles it. */
export interface TopologyTenantHeader {
  /** In lower case. */
  name: string
  /**
   * Whether the app trusts the balancer. Then the balancer removes the header of clients. Otherwise the header is part of the cache key.
   */
  fromEdgeOnly: boolean
}

/**
 * An app and the servers around it, derived from the `scale` options. All deployment files are rendered from it.
 * Times are in milliseconds, sizes in bytes.
 */
export interface Topology extends Omit<DeploySettings, 'serverNames' | 'replicas'> {
  /** Domains of the app in lower case. If empty, the app accepts any host. */
  hosts: readonly string[]
  /** Path of the build files. */
  buildFiles: PathPattern
  /** Undefined with `scale.health: false`. */
  health: HealthPaths | undefined
  shutdown: ShutdownBudget
  /** Names of cookies that make a request personal; `*` matches any characters. */
  sessionCookies: readonly string[]
  /** Request headers that make a request personal, in lower case. */
  credentialHeaders: readonly string[]
  tenantHeader: TopologyTenantHeader | undefined
  /** Number of instances that answer requests (`web`), and that only consume messages (`worker`). */
  instances: { web: { min: number, max: number }, worker: { min: number, max: number } | undefined }
  redis: TopologyRedis | undefined
  /** Whether the app uses RabbitMQ. */
  rabbitmq: boolean
  databases: readonly TopologyDatabase[]
  /** Environment variables with addresses and secrets, required and optional ones. */
  secrets: { required: readonly string[], optional: readonly string[] }
}

/** Role of an instance in a container. */
export type InstanceRole = 'web' | 'worker'

/** Environment variables of an instance, without secrets. */
export function environmentOf({ port, instances }: Topology, role: InstanceRole): Record<string, string> {
  return {
    HOST: '0.0.0.0',
    PORT: String(port),
    // Without workers, each instance answers requests and consumes messages.
    ...instances.worker && { NUXT_SCALE_ROLE: role },
  }
}
