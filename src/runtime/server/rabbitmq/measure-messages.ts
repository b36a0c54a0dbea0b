import { instrument } from '../core/instruments'
import type { Verdict } from './consume/failure'
import type { Delivery } from './message'
import { PublishError } from './publish-error'

const sent = instrument('messaging.client.sent.messages')
const operations = instrument('messaging.client.operation.duration')
const consumed = instrument('messaging.client.consumed.messages')
const handled = instrument('messaging.process.duration')
const lag = instrument('scale.messaging.delivery_lag')
const retried = instrument('scale.messaging.retried')
const deadLettered = instrument('scale.messaging.dead_lettered')

/** Measures a publish until the confirm of the broker. Without `scale.metrics` it adds nothing to the publish. */
export function measurePublish(exchange: string, publish: () => Promise<void>): Promise<void> {
  return sent.enabled ? publishMeasured(exchange, publish) : publish()
}

async function publishMeasured(exchange: string, publish: () => Promise<void>): Promise<void> {
  const started = performance.now()
  try {
    await publish()
    sent.record(1, exchange)
  }
  catch (error) {
    sent.record(1, exchange, error instanceof PublishError ? error.code.toLowerCase() : 'error')
    throw error
  }
  finally {
    operations.record((performance.now() - started) / 1000, exchange, 'publish')
  }
}

/** How a delivery is settled: handled, refused, or returned to its queue. */
export type Settlement = 'ack' | 'reject' | 'nack'

/** Settles a delivery, and measures it. The broker does not answer, so it is over when the connection has the settlement. */
export function measureSettlement(queue: string, operation: Settlement, settle: () => void): void {
  if (!operations.enabled) return settle()
  const started = performance.now()
  settle()
  operations.record((performance.now() - started) / 1000, queue, operation)
}

/** Counts a delivery whose handler starts now. */
export function countDelivery({ queue, properties: { timestamp } }: Pick<Delivery, 'queue' | 'properties'>): void {
  if (!consumed.enabled) return
  consumed.record(1, queue)
  // Messages of other publishers may have no timestamp. The timestamps of AMQP are whole seconds.
  if (timestamp > 0) lag.record(Math.max(0, Date.now() / 1000 - timestamp), queue)
}

/** Records the time of a handler. @param started time of `performance.now()` */
export function recordHandler(queue: string, started: number, failed: boolean): void {
  handled.record((performance.now() - started) / 1000, queue, failed ? 'error' : '')
}

/** Counts a message whose handler failed, after it was copied to its next queue. */
export function countFailure(queue: string, verdict: Verdict): void {
  if (verdict.kind === 'dead') deadLettered.record(1, queue, verdict.reason)
  else retried.record(1, queue, 'error')
}
