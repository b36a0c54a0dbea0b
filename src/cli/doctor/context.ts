import type { ScaleConfig } from '../../config'
import type { ResolvedOptions } from '../../options'
import type { App } from '../support/app'

/** Input of every examination: the options as the server sees them, and how the app is deployed. */
export interface DoctorContext {
  app: App
  options: ResolvedOptions
  /** Functions of `server/scale.config.ts`. */
  functions: ScaleConfig
  /** Number of instances. */
  replicas: number
  /** Address of the running deployment; undefined without `--url`. */
  url: string | undefined
  /** Milliseconds that the balancer keeps an idle connection to an instance; undefined without `--balancer-keep-alive`. */
  balancerKeepAlive: number | undefined
}

/** Milliseconds to wait for the answer of a service. */
export const ANSWER_TIMEOUT = 5000

/** Milliseconds that two clocks may differ. Tokens, cursors and expiry times of the module tolerate this difference. */
const MOST_SKEW = 1000

/**
 * Compares the clock of another machine with the local clock.
 *
 * @param theirs time of the other clock, in milliseconds since 1970
 * @param asked local time before the other clock was read
 * @param answered local time after the other clock was read
 * @returns the smallest possible difference in milliseconds, or 0 if it is at most {@link MOST_SKEW}
 */
export function skewOf(theirs: number, asked: number, answered: number): number {
  const behind = asked - theirs
  const ahead = theirs - answered
  const off = Math.max(behind, ahead)
  return off > MOST_SKEW ? Math.round(off) : 0
}
