import { randomUUID } from 'node:crypto'
import { parseChoice, refuseUnknownKeys } from '../../settings'
import { HEADERS } from '../headers'
import type { HeaderValue, MessageProperties, OutgoingMessage } from '../message'
import { BYTES_A_CHARACTER, MOST_SHORT } from '../message'
import type { Trace } from '../trace'
import { encodeMessage } from './encode'
import type { PublishOptions } from './types'

/** On whose behalf a message is published. */
export interface PublishContext {
  appId: string | undefined
  /** '' for none. */
  tenant: string
  trace: Trace | undefined
  /** ms since 1970. */
  now: number
}

const KEYS = ['messageId', 'type', 'correlationId', 'replyTo', 'headers', 'timeout', 'unroutable', 'tx']

/**
 * A message on its way out.
 *
 * @throws TypeError one sentence, for what cannot be sent
 */
export function composeMessage(exchange: string, routingKey: string, message: unknown, options: PublishOptions, { appId, tenant, trace, now }: PublishContext): OutgoingMessage {
  refuseUnknownKeys(options, KEYS, 'The options of publish()')
  if (typeof exchange !== 'string') throw new TypeError('The exchange of publish() is no text: write the name of a topic exchange.')
  const { type = routingKey, messageId = randomUUID(), correlationId, replyTo, unroutable = 'error' } = options
  checkText('exchange', exchange)
  checkText('routingKey', routingKey)
  checkText('messageId', messageId)
  checkText('type', type)
  // Filled step by step, because every message passes here, and a spread of nothing costs as much as one of something.
  const properties: MessageProperties = { messageId, type, timestamp: Math.floor(now / 1000), contentType: 'application/json', headers: composeHeaders(options.headers, tenant, trace) }
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
 * Whether a message answers a caller that waits at its direct reply-to address. RabbitMQ delivers such an answer without a queue, so with
 * `mandatory` it reports an answer that it has delivered as one that found none.
 *
 * @see https://www.rabbitmq.com/docs/direct-reply-to
 */
function isDirectReply(exchange: string, routingKey: string): boolean {
  return exchange === '' && routingKey.startsWith('amq.rabbitmq.reply-to.')
}

function checkText(name: string, value: unknown): string {
  // Nearly all texts are short enough not to be counted.
  if (typeof value !== 'string' || (value.length > MOST_SHORT / BYTES_A_CHARACTER && Buffer.byteLength(value) > MOST_SHORT)) throw new TypeError(`${name} of publish() is no text of at most ${MOST_SHORT} bytes.`)
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
    if (/^scale-/i.test(name)) throw new TypeError(`The header ${name} belongs to the module: choose a name that does not begin with scale-.`)
    if (!['string', 'number', 'boolean'].includes(typeof value)) throw new TypeError(`The header ${name} is neither a text, a number nor a boolean: AMQP brings nothing else over unchanged.`)
  }
  return headers
}
