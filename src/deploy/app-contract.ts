import type { HealthPaths } from '../runtime/server/core/health-checks'
import { probePathsOf } from '../runtime/server/core/health-checks'
import type { HealthModuleOptions } from '../runtime/server/health/settings'
import { healthSettings } from '../runtime/server/health/settings'
import type { ShutdownModuleOptions } from '../runtime/server/shutdown/settings'
import { shutdownSettings } from '../runtime/server/shutdown/settings'

/** Times of the shutdown of an instance, in milliseconds. */
export interface ShutdownBudget {
  /** How long the instance still answers requests after it reports that it is not ready. */
  drainDelay: number
  /** How long the instance keeps an idle connection. */
  keepAliveTimeout: number
  /** Time from SIGTERM to SIGKILL. */
  gracePeriod: number
}

/**
 * Times without `scale.shutdown`. Nitro rejects new connections immediately, and may use its timeout twice: for open connections, and for
 * the close hooks after them.
 */
const withoutShutdown: ShutdownBudget = { drainDelay: 0, keepAliveTimeout: 5000, gracePeriod: 62_000 }

/** Health paths of an app, including its base path. Undefined with `scale.health: false`; then balancers do not check the instances. */
export function healthPathsOf(health: false | HealthModuleOptions | undefined, base: string): HealthPaths | undefined {
  if (health === false) return undefined
  return probePathsOf(`${base}${healthSettings.resolveGiven(health).path}`)
}

/** The shutdown budget of an app. */
export function shutdownBudgetOf(options: false | ShutdownModuleOptions | undefined): ShutdownBudget {
  if (!options) return withoutShutdown
  const { drainDelay, keepAliveTimeout, gracePeriod } = shutdownSettings.resolveGiven(options)
  return { drainDelay, keepAliveTimeout, gracePeriod }
}

/**
 * How long a balancer keeps an idle connection to an instance, in milliseconds. It must be shorter than the time of the instance, which
 * otherwise may close the connection during a request.
 */
export function balancerKeepAliveOf({ keepAliveTimeout }: ShutdownBudget): number {
  return Math.max(1000, keepAliveTimeout - HEAD_START)
}

/** Milliseconds by which the balancer closes an idle connection before the instance does. */
const HEAD_START = 2000
