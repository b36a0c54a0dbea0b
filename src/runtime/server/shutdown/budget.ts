import type { ClosingLimit } from '../core/closing'
import type { ShutdownSettings } from './settings'

/** Kept for the pools, Redis and the last lines of the log, in milliseconds. */
const FOR_THE_REST = 2000

/**
 * Whether everything that may take its time at the end fits into the grace period.
 *
 * @param limits what the features may take
 * @returns a sentence that says by how much it does not; undefined when it does
 */
export function checkBudget({ drainDelay, timeout, gracePeriod }: ShutdownSettings, limits: readonly ClosingLimit[]): string | undefined {
  const parts = [{ option: 'drainDelay', milliseconds: drainDelay }, { option: 'timeout', milliseconds: timeout }, ...limits]
  const needed = parts.reduce((sum, { milliseconds }) => sum + milliseconds, FOR_THE_REST)
  if (needed <= gracePeriod) return undefined
  const list = parts.map(({ option, milliseconds }) => `${option} ${seconds(milliseconds)}`).join(', ')
  return `scale.shutdown may need ${seconds(needed)} (${list}, and ${seconds(FOR_THE_REST)} for the rest), and its gracePeriod is ${seconds(gracePeriod)}, after which the process is killed: shorten one of them, or raise gracePeriod together with that of whatever runs this process.`
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 100) / 10} s`
}
