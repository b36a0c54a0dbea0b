import type { HealthPaths } from '../runtime/server/core/health-checks'
import type { ShutdownBudget } from './app-contract'
import type { PathPattern } from './checks'
import type { DeploySettings } from './settings'

/** A database of the app. */
export interface TopologyDatabase {
  /** `default`, `tenant acme`, `shard eu`: all that mean this database. */
  names: readonly string[]
  /** The environment variable that holds its address. */
  variable: string
  /** Whether it is a server of its own, as a shard is. Tenants share the server of the default database. */
  ownServer: boolean
}

/** Redis, as the options describe it. */
export interface TopologyRedis {
  kind: 'single' | 'sentinel' | 'cluster'
  /** Whether the options hold an address. Then only the password comes from the environment. */
  addressed: boolean
}

/** What a request header does to the edge. */
export interface TopologyTenantHeader {
  /** Lower case. */
  name: string
  /** Whether the app believes the edge: then no client may send the header. Else it is part of the key of the cache. */
  fromEdgeOnly: boolean
}

/** An app and all that stands around it. Made of the `scale` options alone; every target is rendered from it. Times in milliseconds, sizes in bytes. */
export interface Topology extends Omit<DeploySettings, 'serverNames' | 'replicas'> {
  /** Domains of the app, lower case; empty: any host. */
  hosts: readonly string[]
  /** Where build files are. */
  buildFiles: PathPattern
  /** Absent without `scale.health`. */
  health: HealthPaths | undefined
  shutdown: ShutdownBudget
  /** Cookies that make a request personal; `*` stands for anything. */
  sessionCookies: readonly string[]
  /** Request headers that make a request personal, in lower case. */
  credentialHeaders: readonly string[]
  tenantHeader: TopologyTenantHeader | undefined
  /** How many instances answer requests, and how many take messages alone. */
  instances: { web: { min: number, max: number }, worker: { min: number, max: number } | undefined }
  redis: TopologyRedis | undefined
  /** Whether there are messages. */
  rabbitmq: boolean
  databases: readonly TopologyDatabase[]
  /** Environment variables that hold addresses and secrets: those that must be set, and those that may be. */
  secrets: { required: readonly string[], optional: readonly string[] }
}
