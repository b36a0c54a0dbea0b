import { randomUUID } from 'node:crypto'
import { parseChoice, refuseUnknownKeys } from '../core/settings'
import { HEADERS } from './headers'
import type { HeaderValue, MessageProperties, OutgoingMessage } from './message'
import { BYTES_A_CHARACTER, MOST_SHORT } from './message'
import type { Trace } from '../request/trace'
import type { Duration } from '../core/duration'
import type { SqlTransaction } from './sql-client'

/** Options of `publish()`. */
export interface PublishOptions {
  /**
   * Id of the message, at most 255 bytes. Use the same id when you publish a message again, so consumers can detect duplicates.
   * @default a random UUID
   */
  messageId?: string
  /**
   * Kind of message, at most 255 bytes.
   * @default the routing key
   */
  type?: string
  /** Id that relates a reply to its request, at most 255 bytes. */
  correlationId?: string
  /** Queue or address for the reply, at most 255 bytes. */
  replyTo?: string
  /** Your own headers. Names that begin with `scale-` are reserved for nuxt-scale. */
  headers?: Readonly<Record<string, HeaderValue>>
  /**
   * Maximum wait until the broker confirms the message. A plain number is seconds.
   * @default scale.rabbitmq.publishTimeout
   */
  timeout?: Duration
  /**
   * Behaviour when no queue is bound for the message: `error` rejects with `UNROUTABLE`, `ignore` drops the message.
   * @default 'error'
   */
  unroutable?: 'error' | 'ignore'
  /**
   * Prisma transaction. The message is written to `scale_outbox` within it, and published only if the transaction commits.
   * This option needs `scale.rabbitmq.outbox`.
   */
  tx?: SqlTransaction
}

/** App, tenant, trace and time of a publish. */
export interface PublishContext {
  appId: string | undefined
  /** Tenant of the current call; `''` if there is none. */
  tenant: string
  trace: Trace | undefined
  /** ms since 1970. */
  now: number
}

const PUBLISH_KEYS = ['messageId', 'type', 'correlationId', 'replyTo', 'headers', 'timeout', 'unroutable', 'tx']

/**
 * Builds the message to publish from the arguments of `publish()`.
 *
 * @throws TypeError that names the invalid argument or option
 */
export function composeMessage(
  exchange: string,
  routingKey: string,
  message: unknown,
  options: PublishOptions,
  { appId, tenant, trace, now }: PublishContext,
): OutgoingMessage {
  refuseUnknownKeys(options, PUBLISH_KEYS, 'The options of publish()')
  if (typeof exchange !== 'string') throw new TypeError('The exchange of publish() must be a string: write the name of a topic exchange.')
  const { type = routingKey, messageId = randomUUID(), correlationId, replyTo, unroutable = 'error' } = options
  checkText('exchange', exchange)
  checkText('routingKey', routingKey)
  checkText('messageId', messageId)
  checkText('type', type)
  // This runs for every message. Separate assignments are faster than spreading objects that are mostly empty.
  const properties: MessageProperties = {
    messageId,
    type,
    timestamp: Math.floor(now / 1000),
    contentType: 'application/json',
    headers: composeHeaders(options.headers, tenant, trace),
  }
  if (appId !== undefined) properties.appId = appId
  if (correlationId !== undefined) properties.correlationId = checkText('correlationId', correlationId)
  if (replyTo !== undefined) properties.replyTo = checkText('replyTo', replyTo)
  return {
    exchange,
    routingKey,
    content: encodeMessage(message),
    mandatory: parseChoice(unroutable, ['error', 'ignore'], 'unroutable of publish()') === 'error' && !isDirectReply(exchange, routingKey),
    properties,
  }
}

/**
 * Whether the message is a reply to a direct reply-to address. RabbitMQ delivers such a reply without a queue. With `mandatory`, RabbitMQ
 * would therefore report the reply as unroutable even though it was delivered.
 *
 * @see https://www.rabbitmq.com/docs/direct-reply-to
 */
function isDirectReply(exchange: string, routingKey: string): boolean {
  return exchange === '' && routingKey.startsWith('amq.rabbitmq.reply-to.')
}

function checkText(name: string, value: unknown): string {
  // Most strings are so short that their bytes need not be counted.
  if (typeof value !== 'string' || (value.length > MOST_SHORT / BYTES_A_CHARACTER && Buffer.byteLength(value) > MOST_SHORT)) {
    throw new TypeError(`${name} of publish() must be a string of at most ${MOST_SHORT} bytes.`)
  }
  return value
}

function composeHeaders(given: PublishOptions['headers'], tenant: string, trace: Trace | undefined): MessageProperties['headers'] {
  const headers: Record<string, HeaderValue> = {}
  if (trace) {
    headers[HEADERS.traceparent] = trace.traceparent
    if (trace.tracestate !== undefined) headers[HEADERS.tracestate] = trace.tracestate
  }
  if (given) Object.assign(headers, checkHeaders(given))
  if (tenant !== '') headers[HEADERS.tenant] = tenant
  return headers
}

function checkHeaders(headers: Readonly<Record<string, HeaderValue>>): Readonly<Record<string, HeaderValue>> {
  for (const [name, value] of Object.entries(headers)) {
    if (/^scale-/i.test(name)) {
      throw new TypeError(`The header ${name} of publish() is reserved for nuxt-scale: choose a name that does not begin with scale-.`)
    }
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      throw new TypeError(`The header ${name} of publish() must be a string, a number or a boolean, `
        + 'because AMQP transfers only these unchanged.')
    }
  }
  return headers
}

/**
 * Encodes the content of a message as JSON.
 *
 * @throws TypeError when the message cannot be written as JSON
 */
export function encodeMessage(message: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(message)
  }
  catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0]!.replace(/\.$/, '') : String(error)
    const advice = 'publish plain objects, arrays, strings, numbers, booleans, null and dates.'
    throw new TypeError(`The message of publish() cannot be written as JSON (${reason}): ${advice}`, { cause: error })
  }
  if (text === undefined) {
    const kind = message === undefined ? 'undefined' : `a ${typeof message}`
    throw new TypeError(`The message of publish() is ${kind}, which JSON cannot represent: publish an object, or null.`)
  }
  return text
}
