import type { Duration } from '../core/duration'
import { LONGEST_TIMER } from '../core/deadline'
import { parseDuration } from '../core/duration'
import { refuseOtherThanObject, refuseUnknownKeys } from '../core/settings'

/** `scale.shutdown`: how an instance ends without losing a request. Off until it is present. */
export interface ShutdownModuleOptions {
  /**
   * How long an instance serves on after it was told to end, while its readiness is 503, so that balancers can take it out.
   * In Kubernetes use this or a `preStop` sleep, not both. A worker, which gets no requests, does not wait.
   * @default '5s'
   * @env NUXT_SCALE_SHUTDOWN_DRAIN_DELAY
   */
  drainDelay?: Duration
  /**
   * How long requests that are under way after that may take. Then they are cut off.
   * @default '8s'
   * @env NUXT_SCALE_SHUTDOWN_TIMEOUT
   */
  timeout?: Duration
  /**
   * How long a connection may rest between two requests. Keep it above that of the balancer, which must be the one to close it:
   * a request that meets a closing connection is a 502. Node's own is 5 s.
   * @default '65s'
   * @env NUXT_SCALE_SHUTDOWN_KEEP_ALIVE_TIMEOUT
   */
  keepAliveTimeout?: Duration
  /**
   * Time from the signal until the process is killed: `terminationGracePeriodSeconds` of Kubernetes, `stop_grace_period` of Compose.
   * Everything ends within it.
   * @default '30s'
   * @env NUXT_SCALE_SHUTDOWN_GRACE_PERIOD
   */
  gracePeriod?: Duration
}

export const shutdownDefaults = { drainDelay: '5s', timeout: '8s', keepAliveTimeout: '65s', gracePeriod: '30s' } as const satisfies ShutdownModuleOptions

/** All in milliseconds. */
export interface ShutdownSettings {
  drainDelay: number
  timeout: number
  keepAliveTimeout: number
  gracePeriod: number
}

const OPTION = 'scale.shutdown'

/** @throws Error naming the option that is wrong */
export function resolveShutdownSettings(options: ShutdownModuleOptions = {}): ShutdownSettings {
  refuseOtherThanObject(options, OPTION)
  refuseUnknownKeys(options, Object.keys(shutdownDefaults), OPTION)
  const given = { ...shutdownDefaults, ...options }
  return {
    drainDelay: parseTime(given.drainDelay, 'drainDelay'),
    timeout: parseTime(given.timeout, 'timeout'),
    keepAliveTimeout: parseTime(given.keepAliveTimeout, 'keepAliveTimeout', 1),
    gracePeriod: parseTime(given.gracePeriod, 'gracePeriod', 1),
  }
}

function parseTime(value: Duration, option: string, least = 0): number {
  const milliseconds = parseDuration(value, `${OPTION}.${option}`)
  if (milliseconds < least || milliseconds > LONGEST_TIMER) throw new TypeError(`${OPTION}.${option} is ${JSON.stringify(value)}: write a time ${least > 0 ? 'above 0 and ' : ''}up to 24 days.`)
  return milliseconds
}
