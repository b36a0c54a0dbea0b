import type { StandardSchemaV1 } from '@standard-schema/spec'
import { parseCount, refuseUnknownKeys } from '../../settings'
import { MOST_SHORT } from '../message'
import type { RabbitmqSettings } from '../settings'
import { parseDelays, parseRun } from '../settings'
import type { Route } from '../topology'
import { DEAD_LETTER_SUFFIX, deadLetterExchange, delayExchange, returnExchange } from '../topology'
import type { MessageContext, MessageHandler, RabbitConsumer } from './types'

/** A consumer, checked, with every default filled in. Times in milliseconds. */
export interface ResolvedConsumer extends Route {
  schema: StandardSchemaV1 | undefined
  handler: MessageHandler<unknown, MessageContext>
  /** Name of the database whose inbox notes the messages; undefined for none. */
  dedupe: string | undefined
  prefetch: number
  concurrency: number
  timeout: number
}

const KEYS = ['exchange', 'queue', 'routingKey', 'schema', 'handler', 'concurrency', 'prefetch', 'timeout', 'retry', 'dedupe']

/**
 * @param source what to call the consumer in an error: its file, or `subscribe()`
 * @throws Error one sentence that names the source and the option
 */
export function resolveConsumer(consumer: RabbitConsumer, settings: RabbitmqSettings, source: string): ResolvedConsumer {
  if (typeof consumer !== 'object' || consumer === null) throw new TypeError(`${source} exports no consumer: write export default defineRabbitConsumer({ exchange, queue, routingKey, handler }).`)
  refuseUnknownKeys(consumer, KEYS, source)
  if (typeof consumer.handler !== 'function') throw new TypeError(`${source} has no handler: write handler(message, { signal, attempt }) { … }.`)
  if (consumer.schema !== undefined && typeof consumer.schema?.['~standard']?.validate !== 'function') throw new TypeError(`${source} has a schema that is no Standard Schema: write one of Zod, Valibot, ArkType or another library of standardschema.dev.`)
  const concurrency = parseCount(consumer.concurrency ?? Math.min(settings.concurrency, consumer.prefetch ?? Infinity), `concurrency of ${source}`)
  const prefetch = parseCount(consumer.prefetch ?? Math.max(settings.prefetch, concurrency), `prefetch of ${source}`)
  if (prefetch < concurrency || prefetch > 65_535) throw new TypeError(`prefetch of ${source} is ${prefetch}: write a whole number from ${concurrency}, which is its concurrency, to 65535.`)
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
    delays: consumer.retry === undefined ? settings.delays : consumer.retry === false ? [] : parseDelays(consumer.retry.delays, `retry.delays of ${source}`),
  }
}

function isName(name: unknown, most = MOST_SHORT): name is string {
  return typeof name === 'string' && name.trim() !== '' && Buffer.byteLength(name) <= most && !/^amq\./i.test(name)
}

/** @throws TypeError naming `source` and the exchange */
export function parseExchange(exchange: unknown, prefix: string, source: string): string {
  if (!isName(exchange)) throw new TypeError(`exchange of ${source} is ${JSON.stringify(exchange)}: write the name of a topic exchange, such as 'orders'; amq. belongs to RabbitMQ.`)
  if (isOwn(exchange, prefix)) throw new TypeError(`exchange of ${source} is ${JSON.stringify(exchange)}, which the module keeps for itself: write another name, or another scale.rabbitmq.prefix.`)
  return exchange
}

function parseQueue(queue: unknown, prefix: string, source: string): string {
  if (!isName(queue, MOST_SHORT - DEAD_LETTER_SUFFIX.length)) throw new TypeError(`queue of ${source} is ${JSON.stringify(queue)}: write the name of a queue, such as 'email.order-created'; amq. belongs to RabbitMQ.`)
  if (queue.endsWith(DEAD_LETTER_SUFFIX) || isOwn(queue, prefix)) throw new TypeError(`queue of ${source} is ${JSON.stringify(queue)}, which the module keeps for itself: write another name.`)
  return queue
}

function parseRoutingKeys(value: unknown, source: string): string[] {
  const keys = [value].flat()
  if (keys.length === 0 || !keys.every((key): key is string => typeof key === 'string' && Buffer.byteLength(key) <= MOST_SHORT)) {
    throw new TypeError(`routingKey of ${source} is ${JSON.stringify(value)}: write a pattern such as 'order.created' or 'order.*', or a list of them.`)
  }
  return keys
}

function parseDedupe(dedupe: boolean | string | undefined, { outbox }: RabbitmqSettings, source: string): string | undefined {
  if (dedupe === undefined || dedupe === false) return undefined
  if (dedupe !== true && (typeof dedupe !== 'string' || dedupe === '')) throw new TypeError(`dedupe of ${source} is ${JSON.stringify(dedupe)}: write true, 'tenant', or a name that usePrisma() knows.`)
  if (!outbox) throw new Error(`dedupe of ${source} needs the inbox: set scale.rabbitmq.outbox to {}, and create its tables.`)
  return dedupe === true ? 'default' : dedupe
}

function isOwn(name: string, prefix: string): boolean {
  return name === deadLetterExchange(prefix) || name === returnExchange(prefix) || (name.startsWith(delayExchange(prefix, 0).slice(0, -1)) && /\d$/.test(name))
}
