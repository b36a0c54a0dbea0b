import { parseDuration } from '../core/duration'
import type { FeatureCheck } from '../core/health-checks'
import { parseChoice, refuseUnknownKeys } from '../core/settings'
import type { HealthCheck } from './report'
import type { HealthSettings } from './settings'
import type { HealthCheckOptions, HealthFunctions } from './types'

const FILE = 'healthChecks of server/scale.config.ts'
/** Names that are reserved for the checks of features. */
const OF_FEATURES = /^(?:redis|rabbitmq|database|(?:shard|tenant) .*)$/

/** Creates the checks of the configured features, with the levels of `scale.health.checks`. */
export function featureChecks(
  provided: readonly FeatureCheck[], { checks, timeout }: Pick<HealthSettings, 'checks' | 'timeout'>,
): HealthCheck[] {
  return provided.flatMap(({ name, feature, essential, run }) => {
    const level = checks[feature]
    return level === false ? [] : [{ name, level: essential ? 'critical' : level, timeout, run: () => run(timeout) }]
  })
}

/**
 * Creates the checks of the app.
 *
 * @param timeout deadline in milliseconds of checks without a `timeout`
 * @throws Error naming the check that is wrong
 */
export function appChecks(functions: HealthFunctions['healthChecks'], timeout: number): HealthCheck[] {
  if (functions === undefined) return []
  if (typeof functions !== 'object' || functions === null) {
    throw new TypeError(`${FILE} must be an object: write checks by name, such as { search: () => ping() }.`)
  }
  return Object.entries(functions).map(([name, given]) => {
    const path = `${FILE}: ${name}`
    const options: HealthCheckOptions = typeof given === 'function' ? { check: given } : given
    if (typeof options !== 'object' || options === null || typeof options.check !== 'function') {
      throw new TypeError(`${path} must be a function or an object: write a function, or { check, level, timeout }.`)
    }
    if (OF_FEATURES.test(name)) throw new Error(`${path} has a name that is reserved for a feature of nuxt-scale: use another name.`)
    refuseUnknownKeys(options, ['check', 'level', 'timeout'], path)
    const { check, level = 'critical' } = options
    return {
      name,
      level: parseChoice(level, ['critical', 'degraded'], `${path}.level`),
      timeout: options.timeout === undefined ? timeout : parseDuration(options.timeout, `${path}.timeout`),
      run: signal => check({ signal }),
    }
  })
}
