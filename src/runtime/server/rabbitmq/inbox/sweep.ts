import { describeError } from '../consume/describe-error'
import type { OutboxSource } from '../outbox/relay'
import { forgetApplied } from './apply-once'

const HOUR = 3_600_000

/**
 * Forgets once an hour what the inboxes have noted more than `age` ms ago. Several processes may do so at once.
 *
 * @returns ends it
 */
export function createInboxSweep(sources: readonly OutboxSource[], age: number, log: { warn: (message: string) => void }): () => void {
  // Not at the start: a fleet that is rolled out would sweep in step.
  const timer = setInterval(sweep, HOUR * (0.75 + Math.random() / 2)).unref()

  async function sweep(): Promise<void> {
    for (const source of sources) {
      try {
        await source.use(client => forgetApplied(client, age))
      }
      catch (error) {
        log.warn(`The inbox of ${source.name} could not be swept; it is tried again in an hour: ${describeError(error)}`)
      }
    }
  }

  return () => clearInterval(timer)
}
