import type { FeatureCheck } from '../core/health-checks'
import type { RedisConnection } from './types'

/**
 * Creates the health check of Redis: every master must answer a PING. It fails at once while the breaker is open.
 *
 * `scale.health.checks.redis` decides what a failure means. With `'degraded'`, the default, the instance stays ready, because every feature
 * works without Redis. With `'critical'`, readiness is 503 as soon as the check fails.
 */
export function createRedisHealthCheck(connection: Pick<RedisConnection, 'run' | 'masters'>): FeatureCheck {
  return {
    name: 'redis',
    feature: 'redis',
    run: timeout => connection.run(() => Promise.all(connection.masters().map(master => master.ping())), timeout, 'PING'),
  }
}
