import type { Duration } from '../core/duration'
import { LONGEST_TIMER } from '../core/deadline'
import { parseDuration } from '../core/duration'
import type { Complete } from '../core/feature-settings'
import { defineSettings } from '../core/feature-settings'

/**
 * `scale.shutdown`: graceful shutdown. It finishes running requests within one time budget. Off until this key is present.
 * Plain numbers are seconds.
 */
export interface ShutdownModuleOptions {
  /**
   * How long the instance still serves after a shutdown signal, while its readiness is 503, so that load balancers remove it.
   * In Kubernetes use this or a `preStop` sleep, not both. A worker gets no requests and does not wait.
   * @default '5s'
   * @env NUXT_SCALE_SHUTDOWN_DRAIN_DELAY
   */
  drainDelay?: Duration
  /**
   * How long running requests may take after `drainDelay`. Then they are aborted.
   * @default '8s'
   * @env NUXT_SCALE_SHUTDOWN_TIMEOUT
   */
  timeout?: Duration
  /**
   * How long a connection may be idle between two requests. It must be longer than the idle timeout of the load balancer:
   * if the server closes a connection just as the load balancer reuses it, the client gets a 502. The default of Node is 5 s.
   * @default '65s'
   * @env NUXT_SCALE_SHUTDOWN_KEEP_ALIVE_TIMEOUT
   */
  keepAliveTimeout?: Duration
  /**
   * Time from the signal until the process is killed: `terminationGracePeriodSeconds` of Kubernetes, `stop_grace_period` of Compose.
   * The whole shutdown fits within this time.
   * @default '30s'
   * @env NUXT_SCALE_SHUTDOWN_GRACE_PERIOD
   */
  gracePeriod?: Duration
}

/** Validated settings. All times are in milliseconds. */
export interface ShutdownSettings {
  drainDelay: number
  timeout: number
  keepAliveTimeout: number
  gracePeriod: number
}

const OPTION = 'scale.shutdown'

/** The options of `scale.shutdown`. */
export const shutdownSettings = defineSettings({
  path: OPTION,
  defaults: {
    drainDelay: '5s',
    timeout: '8s',
    keepAliveTimeout: '65s',
    gracePeriod: '30s',
  },
  resolve: resolveShutdown,
})

function resolveShutdown(given: Complete<ShutdownModuleOptions>): ShutdownSettings {
  return {
    drainDelay: parseTime(given.drainDelay, 'drainDelay'),
    timeout: parseTime(given.timeout, 'timeout'),
    keepAliveTimeout: parseTime(given.keepAliveTimeout, 'keepAliveTimeout', 1),
    gracePeriod: parseTime(given.gracePeriod, 'gracePeriod', 1),
  }
}

function parseTime(value: Duration, option: string, least = 0): number {
  const milliseconds = parseDuration(value, `${OPTION}.${option}`)
  if (milliseconds < least || milliseconds > LONGEST_TIMER) {
    throw new TypeError(`${OPTION}.${option} is ${JSON.stringify(value)}: write a time ${least > 0 ? 'above 0 and ' : ''}up to 24 days.`)
  }
  return milliseconds
}
