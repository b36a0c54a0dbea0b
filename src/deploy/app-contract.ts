import type { HealthModuleOptions } from '../runtime/server/health/settings'
import { resolveHealthSettings } from '../runtime/server/health/settings'
import type { ShutdownModuleOptions } from '../runtime/server/shutdown/settings'
import { resolveShutdownSettings } from '../runtime/server/shutdown/settings'

/** Where an instance says how it is. Paths begin with the base of the app. */
export interface HealthPaths {
  /** For people and alerts: everything together. */
  aggregate: string
  /** Whether the process must be ended; it looks at nothing else. */
  live: string
  /** Whether the instance may get requests. */
  ready: string
  /** Whether the instance has started. */
  startup: string
}

/** How an instance leaves. Milliseconds. */
export interface ShutdownBudget {
  /** How long it goes on serving after it has said that it is not ready. */
  drainDelay: number
  /** How long it keeps a connection that rests. */
  keepAliveTimeout: number
  /** From SIGTERM to SIGKILL. */
  gracePeriod: number
}

/** An instance without `scale.shutdown`: Nitro takes no new connections at once, and may use its timeout twice, for connections and for what closes after them. */
const withoutShutdown: ShutdownBudget = { drainDelay: 0, keepAliveTimeout: 5000, gracePeriod: 62_000 }

/** Health paths of an app. Without `scale.health` there are none, and nothing is asked. */
export function healthPathsOf(health: false | HealthModuleOptions | undefined, base: string): HealthPaths | undefined {
  if (health === false) return undefined
  const path = `${base}${resolveHealthSettings(health).path}`
  return { aggregate: path, live: `${path}/live`, ready: `${path}/ready`, startup: `${path}/startup` }
}

/** The shutdown budget of an app. */
export function shutdownBudgetOf(options: false | ShutdownModuleOptions | undefined): ShutdownBudget {
  if (!options) return withoutShutdown
  const { drainDelay, keepAliveTimeout, gracePeriod } = resolveShutdownSettings(options)
  return { drainDelay, keepAliveTimeout, gracePeriod }
}

/** How long a balancer lets a connection to an instance rest: less long than the instance, which would else close it under a request. */
export function balancerKeepAliveOf({ keepAliveTimeout }: ShutdownBudget): number {
  return Math.max(1000, keepAliveTimeout - HEAD_START)
}

/** Milliseconds. */
const HEAD_START = 2000
