import type { HeaderValue, MessageProperties } from './message'

/** Names of the headers that nuxt-scale sets. */
export const HEADERS = {
  /** Number of the attempt. Absent on the first attempt. */
  attempt: 'scale-attempt',
  /** Error of the last attempt. */
  error: 'scale-error',
  /** Original exchange and routing key. Retries and dead letters are delivered through other exchanges. */
  exchange: 'scale-exchange',
  routingKey: 'scale-routing-key',
  /** Queue in which the dead letter failed. */
  queue: 'scale-queue',
  /** Reason of the dead letter: `exhausted`, `rejected` or `invalid`. */
  reason: 'scale-reason',
  /** Time at which the message became a dead letter, in ISO 8601. */
  failedAt: 'scale-failed-at',
  /** Tenant of the publisher. */
  tenant: 'scale-tenant',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
} as const

/**
 * Headers that RabbitMQ adds when it moves a message. They are removed from copies, because RabbitMQ would read them as the copy's
 * own history.
 */
const BROKER_HEADERS = /^x-(?:death$|first-death-|last-death-|delivery-count$|acquired-count$)/

type Headers = MessageProperties['headers']

/** Returns the headers without those that the broker added and without `names`. */
export function withoutHeaders(headers: Headers, ...names: string[]): Record<string, HeaderValue> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !BROKER_HEADERS.test(name) && !names.includes(name)))
}

/** Returns a header, or undefined if it is missing or not a string. */
export function textHeader(headers: Headers, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : undefined
}
