import type { Delivery, OutgoingMessage } from '../message'
import { HEADERS, textHeader, withoutHeaders } from '../headers'
import { deadLetterExchange, delayExchange } from '../topology'
import { RejectMessage, RetryMessage } from './control'
import { describeError } from './describe-error'

/** What becomes of a message whose attempt failed. */
export type Verdict = { kind: 'retry', delay: number } | { kind: 'dead', reason: 'exhausted' | 'rejected' | 'invalid' }

/** Which attempt a delivery is; 1 for the first. */
export function attemptOf({ properties }: Pick<Delivery, 'properties'>): number {
  const attempt = Number(properties.headers[HEADERS.attempt])
  return Number.isSafeInteger(attempt) && attempt > 1 ? attempt : 1
}

/** Where a delivery was published first. */
export function originOf({ exchange, routingKey, properties: { headers } }: Delivery): { exchange: string, routingKey: string } {
  return { exchange: textHeader(headers, HEADERS.exchange) ?? exchange, routingKey: textHeader(headers, HEADERS.routingKey) ?? routingKey }
}

/** @param delays pauses in ms; there is one attempt more than there are pauses */
export function judge(error: unknown, attempt: number, delays: readonly number[]): Verdict {
  if (error instanceof RejectMessage) return { kind: 'dead', reason: error.kind }
  if (attempt > delays.length) return { kind: 'dead', reason: 'exhausted' }
  const due = delays[attempt - 1]!
  const asked = error instanceof RetryMessage ? error.delay : undefined
  if (asked === undefined) return { kind: 'retry', delay: due }
  const longEnough = delays.filter(delay => delay >= asked)
  return { kind: 'retry', delay: longEnough.length > 0 ? Math.min(...longEnough) : Math.max(...delays) }
}

/** The copy that waits, or is kept as a dead letter, in place of the delivery. */
export function copyOf(delivery: Delivery, verdict: Verdict, error: unknown, prefix: string, now: Date): OutgoingMessage {
  const { exchange, routingKey } = originOf(delivery)
  const attempt = attemptOf(delivery)
  const headers = {
    ...withoutHeaders(delivery.properties.headers),
    [HEADERS.exchange]: exchange,
    [HEADERS.routingKey]: routingKey,
    [HEADERS.error]: describeError(error),
    ...verdict.kind === 'retry'
      ? { [HEADERS.attempt]: attempt + 1 }
      : { [HEADERS.attempt]: attempt, [HEADERS.queue]: delivery.queue, [HEADERS.reason]: verdict.reason, [HEADERS.failedAt]: now.toISOString() },
  }
  return {
    exchange: verdict.kind === 'retry' ? delayExchange(prefix, verdict.delay) : deadLetterExchange(prefix),
    routingKey: delivery.queue,
    content: delivery.content,
    properties: { ...delivery.properties, headers },
    // Lost without a word would be the alternative.
    mandatory: true,
  }
}
