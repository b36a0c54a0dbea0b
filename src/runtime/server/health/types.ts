import type { Duration } from '../core/duration'

/** What a check that fails means: `critical`, the instance cannot serve (503); `degraded`, it serves, and something is amiss (200). */
export type HealthLevel = 'critical' | 'degraded'

/** Looks at something. It has failed when it throws, rejects, returns `false`, or is late. */
export type HealthCheckFunction = (context: {
  /** Aborted at the deadline. */
  signal: AbortSignal
}) => unknown

/** A check of the app's own, with more to say than a function can. */
export interface HealthCheckOptions {
  check: HealthCheckFunction
  /**
   * What its failure means.
   * @default 'critical'
   */
  level?: HealthLevel
  /** Its deadline. @default `scale.health.timeout` */
  timeout?: Duration
}

/** What `server/scale.config.ts` may say about health. */
export interface HealthFunctions {
  /**
   * Checks besides those of the features, by name. They run outside of any request.
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
