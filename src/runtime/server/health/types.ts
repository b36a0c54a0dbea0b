import type { Duration } from '../core/duration'

/** The effect of a failed check. `critical`: the instance cannot serve (503). `degraded`: it can still serve (200). */
export type HealthLevel = 'critical' | 'degraded'

/** Checks one dependency. The check has failed if it throws, rejects, returns `false`, or misses its deadline. */
export type HealthCheckFunction = (context: {
  /** Aborted at the deadline. */
  signal: AbortSignal
}) => unknown

/** A check of the app with a level or a deadline of its own. */
export interface HealthCheckOptions {
  /** The function that runs the check. */
  check: HealthCheckFunction
  /**
   * Effect of a failure: `'critical'` makes the instance not ready (503), `'degraded'` does not.
   * @default 'critical'
   */
  level?: HealthLevel
  /**
   * Deadline of the check. A plain number is seconds.
   * @default `scale.health.timeout`
   */
  timeout?: Duration
}

/** Functions for health in `server/scale.config.ts`. */
export interface HealthFunctions {
  /**
   * Checks of the app, by name, in addition to the checks of features. They run outside any request and therefore have no tenant.
   * @example
   * ```ts
   * healthChecks: {
   *   search: ({ signal }) => $fetch('http://search:9200/_cluster/health', { signal }),
   *   mail: { check: () => mailer.verify(), level: 'degraded', timeout: '3s' },
   * }
   * ```
   */
  healthChecks?: Readonly<Record<string, HealthCheckFunction | HealthCheckOptions>>
}
