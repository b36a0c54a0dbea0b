import { parseDuration } from '../core/duration'
import type { FeatureCheck } from '../core/health-checks'
import { parseChoice, refuseUnknownKeys } from '../core/settings'
import type { HealthCheck } from './check'
import type { HealthSettings } from './settings'
import type { HealthCheckOptions, HealthFunctions } from './types'

const FILE = 'healthChecks of server/scale.config.ts'
/** Names that features use. */
const OF_FEATURES = /^(?:redis|rabbitmq|database|(?:shard|tenant) .*)$/

/** The checks of the features that are configured, at the level that the settings give them. */
export function featureChecks(provided: readonly FeatureCheck[], { checks, timeout }: Pick<HealthSettings, 'checks' | 'timeout'>): HealthCheck[] {
  return provided.flatMap(({ name, feature, essential, run }) => {
    const level = checks[feature]
    return level === false ? [] : [{ name, level: essential ? 'critical' : level, timeout, run: () => run(timeout) }]
  })
}

/**
 * The checks of the app's own.
 *
 * @param timeout milliseconds, for those that say nothing
 * @throws Error naming the check that is wrong
 */
export function appChecks(functions: HealthFunctions['healthChecks'], timeout: number): HealthCheck[] {
  if (functions === undefined) return []
  if (typeof functions !== 'object' || functions === null) throw new TypeError(`${FILE} is no object: write checks by name, such as { search: () => ping() }.`)
  return Object.entries(functions).map(([name, given]) => {
    const path = `${FILE}: ${name}`
    const options: HealthCheckOptions = typeof given === 'function' ? { check: given } : given
    if (typeof options !== 'object' || options === null || typeof options.check !== 'function') {
      throw new TypeError(`${path} is no check: write a function, or { check, level, timeout }.`)
    }
    if (OF_FEATURES.test(name)) throw new Error(`${path} is the name of a check of a feature: choose another.`)
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
