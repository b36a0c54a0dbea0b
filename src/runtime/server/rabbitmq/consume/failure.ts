import type { Delivery, OutgoingMessage } from '../message'
import { HEADERS, textHeader, withoutHeaders } from '../headers'
import { deadLetterExchange, delayExchange } from '../topology'
import { RejectMessage, RetryMessage } from './control'

/** The next step for a message whose attempt failed: a retry after `delay` ms, or the dead-letter queue. */
export type Verdict = { kind: 'retry', delay: number } | { kind: 'dead', reason: 'exhausted' | 'rejected' | 'invalid' }

/** Returns the number of the attempt that a delivery is, starting with 1. */
export function attemptOf({ properties }: Pick<Delivery, 'properties'>): number {
  const attempt = Number(properties.headers[HEADERS.attempt])
  return Number.isSafeInteger(attempt) && attempt > 1 ? attempt : 1
}

/** Returns the exchange and the routing key that a message was published with originally. */
export function originOf({ exchange, routingKey, properties: { headers } }: Delivery): { exchange: string, routingKey: string } {
  return { exchange: textHeader(headers, HEADERS.exchange) ?? exchange, routingKey: textHeader(headers, HEADERS.routingKey) ?? routingKey }
}

/**
 * Decides whether a failed message is retried or becomes a dead letter.
 *
 * @param delays pauses in ms; there is one attempt more than there are pauses
 */
export function judge(error: unknown, attempt: number, delays: readonly number[]): Verdict {
  if (error instanceof RejectMessage) return { kind: 'dead', reason: error.kind }
  if (attempt > delays.length) return { kind: 'dead', reason: 'exhausted' }
  const due = delays[attempt - 1]!
  const asked = error instanceof RetryMessage ? error.delay : undefined
  if (asked === undefined) return { kind: 'retry', delay: due }
  const longEnough = delays.filter(delay => delay >= asked)
  return { kind: 'retry', delay: longEnough.length > 0 ? Math.min(...longEnough) : Math.max(...delays) }
}

/** Builds the copy of a failed delivery that is published to a delay queue or to the dead-letter queue. */
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
      : {
          [HEADERS.attempt]: attempt,
          [HEADERS.queue]: delivery.queue,
          [HEADERS.reason]: verdict.reason,
          [HEADERS.failedAt]: now.toISOString(),
        },
  }
  return {
    exchange: verdict.kind === 'retry' ? delayExchange(prefix, verdict.delay) : deadLetterExchange(prefix),
    routingKey: delivery.queue,
    content: delivery.content,
    properties: { ...delivery.properties, headers },
    // Without `mandatory`, RabbitMQ would drop an unroutable copy without an error.
    mandatory: true,
  }
}

const MOST_CHARACTERS = 500

/** Formats an error as one line for a header or a log. It is at most 500 characters long, and user and password of any URL are masked. */
export function describeError(error: unknown): string {
  const text = error instanceof Error ? (error.name === 'Error' ? error.message : `${error.name}: ${error.message}`) : String(error)
  const line = text.replace(/\s+/g, ' ').replace(/([a-z][\w+.-]*:\/\/)[^\s/]*@/gi, '$1***@').trim()
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS - 1)}…` : line
}
