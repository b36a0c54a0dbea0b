import { hostname } from 'node:os'
import { parseChoice } from './settings'

/**
 * The role of an instance. `web`: answers requests and publishes messages. `worker`: consumes messages and answers only health probes.
 * `all`: both.
 */
export type Role = 'all' | 'web' | 'worker'

export const DEFAULT_ROLE: Role = 'all'

/** Parses `scale.role`. @throws Error naming the option and its variable */
export function parseRole(value: unknown): Role {
  return parseChoice(value === '' ? DEFAULT_ROLE : value, ['all', 'web', 'worker'], 'scale.role (NUXT_SCALE_ROLE)')
}

/**
 * Returns the name of this instance in logs and metrics: `NUXT_SCALE_INSTANCE`, else the host name and the process id, such as
 * `web-7f9c:12`.
 *
 * @env NUXT_SCALE_INSTANCE
 */
export function instanceName(): string {
  return process.env.NUXT_SCALE_INSTANCE || `${hostname()}:${process.pid}`
}
