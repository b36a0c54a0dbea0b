import type { ScaleConfig } from '../../config'
import type { ResolvedOptions } from '../../options'
import type { App } from '../support/app'

/** What is examined: the options as a server would have them, and how it is run. */
export interface Patient {
  app: App
  options: ResolvedOptions
  /** The functions of `server/scale.config.ts`. */
  functions: ScaleConfig
  /** Instances that run, or will run. */
  replicas: number
  /** The address of a running deployment. */
  url: string | undefined
  /** Milliseconds after which a balancer gives up an idle connection to an instance; undefined when nobody said so. */
  balancerKeepAlive: number | undefined
}

/** Milliseconds that a service has to answer. */
export const ANSWER_TIMEOUT = 5000

/** Milliseconds that two clocks may differ. Tokens, cursors and expiries of the module bear that much. */
const MOST_SKEW = 1000

/**
 * Compares a clock that was read between two moments of the own one.
 *
 * @returns by how many milliseconds it is certainly off; 0 while it is within {@link MOST_SKEW}
 */
export function skewOf(theirs: number, asked: number, answered: number): number {
  const behind = asked - theirs
  const ahead = theirs - answered
  const off = Math.max(behind, ahead)
  return off > MOST_SKEW ? Math.round(off) : 0
}
