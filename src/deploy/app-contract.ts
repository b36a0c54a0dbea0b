import type { HealthPaths } from '../runtime/server/core/health-checks'
import { probePathsOf } from '../runtime/server/core/health-checks'
import type { HealthModuleOptions } from '../runtime/server/health/settings'
import { resolveHealthSettings } from '../runtime/server/health/settings'
import type { ShutdownModuleOptions } from '../runtime/server/shutdown/settings'
import { resolveShutdownSettings } from '../runtime/server/shutdown/settings'

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

/** Health paths of an app, behind its base. Without `scale.health` there are none, and nothing is asked. */
export function healthPathsOf(health: false | HealthModuleOptions | undefined, base: string): HealthPaths | undefined {
  if (health === false) return undefined
  return probePathsOf(`${base}${resolveHealthSettings(health).path}`)
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
