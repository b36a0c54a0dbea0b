import type { StandardSchemaV1 } from '@standard-schema/spec'
import { parseCount, refuseUnknownKeys } from '../../core/settings'
import { MOST_SHORT } from '../message'
import type { RabbitmqSettings } from '../settings'
import { parseDelays, parseRun } from '../settings'
import type { Route } from '../topology'
import { DEAD_LETTER_SUFFIX, deadLetterExchange, delayExchange, returnExchange } from '../topology'
import type { MessageContext, MessageHandler, RabbitConsumer } from './types'

/** A validated consumer with all defaults filled in. All times are in milliseconds. */
export interface ResolvedConsumer extends Route {
  schema: StandardSchemaV1 | undefined
  handler: MessageHandler<unknown, MessageContext>
  /** Name of the database whose inbox records the messages; undefined without `dedupe`. */
  dedupe: string | undefined
  prefetch: number
  concurrency: number
  timeout: number
}

const CONSUMER_KEYS = ['exchange', 'queue', 'routingKey', 'schema', 'handler', 'concurrency', 'prefetch', 'timeout', 'retry', 'dedupe']

/**
 * Validates a consumer and fills in the defaults.
 *
 * @param source name of the consumer in errors: its file, or `subscribe()`
 * @throws Error that names the source and the invalid option
 */
export function resolveConsumer(consumer: RabbitConsumer, settings: RabbitmqSettings, source: string): ResolvedConsumer {
  if (typeof consumer !== 'object' || consumer === null) {
    throw new TypeError(`${source} does not export a consumer: `
      + 'write export default defineRabbitConsumer({ exchange, queue, routingKey, handler }).')
  }
  refuseUnknownKeys(consumer, CONSUMER_KEYS, source)
  if (typeof consumer.handler !== 'function') {
    throw new TypeError(`handler of ${source} must be a function: write handler(message, { signal, attempt }) { … }.`)
  }
  if (consumer.schema !== undefined && typeof consumer.schema?.['~standard']?.validate !== 'function') {
    throw new TypeError(`schema of ${source} must be a Standard Schema: `
      + 'write one of Zod, Valibot, ArkType or another library of standardschema.dev.')
  }
  const concurrency = parseCount(
    consumer.concurrency ?? Math.min(settings.concurrency, consumer.prefetch ?? Infinity),
    `concurrency of ${source}`,
  )
  const prefetch = parseCount(consumer.prefetch ?? Math.max(settings.prefetch, concurrency), `prefetch of ${source}`)
  if (prefetch < concurrency || prefetch > 65_535) {
    throw new TypeError(`prefetch of ${source} is ${prefetch}: `
      + `write a whole number from ${concurrency}, which is its concurrency, to 65535.`)
  }
  return {
    exchange: parseExchange(consumer.exchange, settings.prefix, source),
    queue: parseQueue(consumer.queue, settings.prefix, source),
    routingKeys: parseRoutingKeys(consumer.routingKey, source),
    schema: consumer.schema,
    handler: consumer.handler as MessageHandler<unknown>,
    dedupe: parseDedupe(consumer.dedupe, settings, source),
    prefetch,
    concurrency,
    timeout: consumer.timeout === undefined ? settings.timeout : parseRun(consumer.timeout, `timeout of ${source}`),
    delays: consumer.retry === undefined
      ? settings.delays
      : consumer.retry === false ? [] : parseDelays(consumer.retry.delays, `retry.delays of ${source}`),
  }
}

function isName(name: unknown, most = MOST_SHORT): name is string {
  return typeof name === 'string' && name.trim() !== '' && Buffer.byteLength(name) <= most && !/^amq\./i.test(name)
}

/**
 * Validates the name of an exchange.
 *
 * @throws TypeError that names `source` and the exchange
 */
export function parseExchange(exchange: unknown, prefix: string, source: string): string {
  if (!isName(exchange)) {
    throw new TypeError(`exchange of ${source} is ${JSON.stringify(exchange)}: write the name of a topic exchange, such as 'orders', `
      + 'that does not begin with amq., which RabbitMQ reserves.')
  }
  if (isOwn(exchange, prefix)) {
    throw new TypeError(`exchange of ${source} is ${JSON.stringify(exchange)}, which is reserved for nuxt-scale: `
      + 'write another name, or change scale.rabbitmq.prefix.')
  }
  return exchange
}

function parseQueue(queue: unknown, prefix: string, source: string): string {
  const most = MOST_SHORT - DEAD_LETTER_SUFFIX.length
  if (!isName(queue, most)) {
    throw new TypeError(`queue of ${source} is ${JSON.stringify(queue)}: write a name of at most ${most} bytes, `
      + 'such as \'email.order-created\', that does not begin with amq., which RabbitMQ reserves.')
  }
  if (queue.endsWith(DEAD_LETTER_SUFFIX) || isOwn(queue, prefix)) {
    throw new TypeError(`queue of ${source} is ${JSON.stringify(queue)}, which is reserved for nuxt-scale: write another name.`)
  }
  return queue
}

function parseRoutingKeys(value: unknown, source: string): string[] {
  const keys = [value].flat()
  if (keys.length === 0 || !keys.every((key): key is string => typeof key === 'string' && Buffer.byteLength(key) <= MOST_SHORT)) {
    throw new TypeError(`routingKey of ${source} is ${JSON.stringify(value)}: `
      + 'write a pattern such as \'order.created\' or \'order.*\', or a list of them.')
  }
  return keys
}

function parseDedupe(dedupe: boolean | string | undefined, { outbox }: RabbitmqSettings, source: string): string | undefined {
  if (dedupe === undefined || dedupe === false) return undefined
  if (dedupe !== true && (typeof dedupe !== 'string' || dedupe === '')) {
    throw new TypeError(`dedupe of ${source} is ${JSON.stringify(dedupe)}: `
      + 'write true, \'tenant\', or a database name that usePrisma() accepts.')
  }
  if (!outbox) {
    throw new Error(`dedupe of ${source} needs the inbox: `
      + 'set scale.rabbitmq.outbox to {}, and create its tables with npx nuxt-scale outbox.')
  }
  return dedupe === true ? 'default' : dedupe
}

function isOwn(name: string, prefix: string): boolean {
  return name === deadLetterExchange(prefix)
    || name === returnExchange(prefix)
    || (name.startsWith(delayExchange(prefix, 0).slice(0, -1)) && /\d$/.test(name))
}
