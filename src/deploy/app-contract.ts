import { parseDuration } from '../runtime/server/duration'
import type { HealthModuleOptions } from '../runtime/server/health/settings'
import { resolveHealthSettings } from '../runtime/server/health/settings'

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
  /** How long requests under way may take after that. */
  timeout: number
  /** How long it keeps a connection that rests. */
  keepAliveTimeout: number
}

/** What balancers and orchestrators must know of an instance. This file is the one place that knows it. */
const shutdownDefaults = { drainDelay: '5s', timeout: '8s', keepAliveTimeout: '65s' } as const

/** Health paths of an app. Without `scale.health` there are none, and nothing is asked. */
export function healthPathsOf(health: false | HealthModuleOptions | undefined, base: string): HealthPaths | undefined {
  if (health === false) return undefined
  const path = `${base}${resolveHealthSettings(health).path}`
  return { aggregate: path, live: `${path}/live`, ready: `${path}/ready`, startup: `${path}/startup` }
}

/** The shutdown budget of an app. */
export function shutdownBudgetOf(options: Partial<Record<keyof ShutdownBudget, string | number>> = {}): ShutdownBudget {
  const given = { ...shutdownDefaults, ...options }
  return {
    drainDelay: parseDuration(given.drainDelay, 'scale.shutdown.drainDelay'),
    timeout: parseDuration(given.timeout, 'scale.shutdown.timeout'),
    keepAliveTimeout: parseDuration(given.keepAliveTimeout, 'scale.shutdown.keepAliveTimeout'),
  }
}

/** Time for the process itself to go. */
const SPARE = 2000

/**
 * Seconds from SIGTERM to SIGKILL. Nitro may use its timeout twice: for connections, then for what closes after them, which with messages may take
 * `drainTimeout` of its own.
 */
export function graceSecondsOf({ drainDelay, timeout }: ShutdownBudget, messagesDrain = 0): number {
  return Math.ceil((drainDelay + timeout + Math.max(timeout, messagesDrain) + SPARE) / 1000)
}
