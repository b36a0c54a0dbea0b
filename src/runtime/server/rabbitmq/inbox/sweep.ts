import { describeError } from '../consume/failure'
import type { OutboxSource } from '../outbox/relay'
import { forgetApplied } from './apply-once'

const HOUR = 3_600_000

/**
 * Deletes inbox entries older than `age` ms about once an hour. Several processes may do so at the same time.
 *
 * @returns a function that stops the timer
 */
export function createInboxSweep(sources: readonly OutboxSource[], age: number, log: { warn: (message: string) => void }): () => void {
  // A random interval spreads the sweeps of instances that were started together.
  const timer = setInterval(sweep, HOUR * (0.75 + Math.random() / 2)).unref()

  async function sweep(): Promise<void> {
    for (const source of sources) {
      try {
        await source.use(client => forgetApplied(client, age))
      }
      catch (error) {
        log.warn(`Old entries of the inbox of ${source.name} could not be deleted. `
          + `The next try is in about an hour: ${describeError(error)}`)
      }
    }
  }

  return () => clearInterval(timer)
}
