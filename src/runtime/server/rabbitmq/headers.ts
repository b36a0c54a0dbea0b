import type { HeaderValue, MessageProperties } from './message'

/** The headers of the feature. */
export const HEADERS = {
  /** Which attempt the next one is; absent on the first. */
  attempt: 'scale-attempt',
  /** What went wrong last. */
  error: 'scale-error',
  /** Where the message was published, which its way through delays and dead letters hides. */
  exchange: 'scale-exchange',
  routingKey: 'scale-routing-key',
  /** The queue whose dead letter it is. */
  queue: 'scale-queue',
  /** Why it is a dead letter: `exhausted`, `rejected` or `invalid`. */
  reason: 'scale-reason',
  /** When it became one, in ISO 8601. */
  failedAt: 'scale-failed-at',
  /** For whom it was published. */
  tenant: 'scale-tenant',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
} as const

/** What RabbitMQ writes when it moves a message. On a new copy it would be taken for that copy's own past. */
const BROKER_HEADERS = /^x-(?:death$|first-death-|last-death-|delivery-count$|acquired-count$)/

type Headers = MessageProperties['headers']

/** The headers without what the broker wrote, and without those named. */
export function withoutHeaders(headers: Headers, ...names: string[]): Record<string, HeaderValue> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !BROKER_HEADERS.test(name) && !names.includes(name)))
}

/** A header that is text; undefined when it is not there. */
export function textHeader(headers: Headers, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : undefined
}
