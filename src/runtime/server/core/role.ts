import { parseChoice } from './settings'

/**
 * What an instance does. `web`: answers requests and publishes. `worker`: takes messages, and answers nothing but health. `all`: both.
 */
export type Role = 'all' | 'web' | 'worker'

export const DEFAULT_ROLE: Role = 'all'

/** @throws Error naming the option and its variable */
export function parseRole(value: unknown): Role {
  return parseChoice(value === '' ? DEFAULT_ROLE : value, ['all', 'web', 'worker'], 'scale.role (NUXT_SCALE_ROLE)')
}
