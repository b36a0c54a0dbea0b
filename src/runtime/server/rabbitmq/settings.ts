import type { Duration } from '../cache/types'
import { LONGEST_TIMER } from '../deadline'
import { parseDuration } from '../duration'
import { parseBytes, parseChoice, parseCount, parseObject, refuseOtherThanObject, refuseUnknownKeys } from '../settings'
import type { OutboxModuleOptions, OutboxSettings } from './outbox/settings'
import { resolveOutboxSettings } from './outbox/settings'
import type { TlsSettings } from '../core/tls'
import type { RabbitmqTlsOptions } from './tls'
import { parseTls, rabbitmqTlsDefaults } from './tls'
import type { QueueType } from './topology'

/** `scale.rabbitmq`: messages that are not lost. Off until it is present. Each value can be set where the server starts, as `NUXT_SCALE_RABBITMQ_<NAME>`. */
export interface RabbitmqModuleOptions {
  /**
   * Address of RabbitMQ, or those of several nodes of one cluster, separated by commas. Without one, messages live in the process.
   * @default '' (then `RABBITMQ_URL`)
   * @env NUXT_SCALE_RABBITMQ_URL
   */
  url?: string | readonly string[]
  tls?: RabbitmqTlsOptions
  /**
   * Begins the names of the exchanges and queues that the module makes for itself.
   * @default 'scale'
   * @env NUXT_SCALE_RABBITMQ_PREFIX
   */
  prefix?: string
  /**
   * The name of this app in the messages that it publishes.
   * @default the `name` of the app's package.json
   * @env NUXT_SCALE_RABBITMQ_APP_ID
   */
  appId?: string
  /**
   * Most messages that a consumer holds without having settled them.
   * @default 64
   * @env NUXT_SCALE_RABBITMQ_PREFETCH
   */
  prefetch?: number
  /**
   * Most handlers of a consumer that run at a time.
   * @default 16
   * @env NUXT_SCALE_RABBITMQ_CONCURRENCY
   */
  concurrency?: number
  /**
   * Longest run of a handler. Past it the signal is aborted and the attempt has failed. RabbitMQ itself gives up after 30 minutes.
   * @default '60s'
   * @env NUXT_SCALE_RABBITMQ_TIMEOUT
   */
  timeout?: Duration
  /**
   * Most messages that are on their way to the broker without a confirm.
   * @default 256
   * @env NUXT_SCALE_RABBITMQ_WINDOW
   */
  window?: number
  /** What waits in the process while the broker is away or slow. Without a URL it bounds each queue. */
  buffer?: RabbitmqBufferOptions
  /**
   * Longest wait for the confirm of a message. Past it nobody knows whether it was stored.
   * @default '10s'
   * @env NUXT_SCALE_RABBITMQ_PUBLISH_TIMEOUT
   */
  publishTimeout?: Duration
  retry?: RabbitmqRetryOptions
  queue?: RabbitmqQueueOptions
  /**
   * `publish(…, { tx })` and `dedupe`: messages that exist when a transaction commits, and effects that happen once. It needs `scale.database`.
   * @default false
   */
  outbox?: false | OutboxModuleOptions
  /**
   * Longest time for everything that the feature does when the server closes, within what `scale.shutdown.gracePeriod` leaves.
   * @default '15s'
   * @env NUXT_SCALE_RABBITMQ_DRAIN_TIMEOUT
   */
  drainTimeout?: Duration
}

export interface RabbitmqBufferOptions {
  /**
   * @default 10_000
   * @env NUXT_SCALE_RABBITMQ_BUFFER_MESSAGES
   */
  messages?: number
  /**
   * A number of bytes, or a string with its unit: of the contents as they are sent. One with characters beyond Latin-1 takes up to twice as much in memory.
   * @default '64mb'
   * @env NUXT_SCALE_RABBITMQ_BUFFER_BYTES
   */
  bytes?: number | string
  /**
   * What a publish does when the buffer is full: it rejects at once, or waits for space until its timeout.
   * @default 'reject'
   * @env NUXT_SCALE_RABBITMQ_BUFFER_ON_FULL
   */
  onFull?: 'reject' | 'wait'
}

export interface RabbitmqRetryOptions {
  /**
   * Pauses before each further attempt: a message is tried once, and once after each. Then it goes to the dead letters of its queue.
   * @default ['1s', '5s', '30s', '2m', '10m']
   * @env NUXT_SCALE_RABBITMQ_RETRY_DELAYS separated by commas
   */
  delays?: string | readonly Duration[]
}

export interface RabbitmqQueueOptions {
  /**
   * `quorum` is replicated and counts deliveries. `classic` lives on one node.
   * @default 'quorum'
   * @env NUXT_SCALE_RABBITMQ_QUEUE_TYPE
   */
  type?: QueueType
  /**
   * How often a message may come back unsettled, as it does when its process dies, before it is a dead letter. Quorum queues only.
   * @default 20
   * @env NUXT_SCALE_RABBITMQ_QUEUE_DELIVERY_LIMIT
   */
  deliveryLimit?: number
}

export const rabbitmqDefaults = {
  url: '',
  tls: rabbitmqTlsDefaults,
  prefix: 'scale',
  appId: '',
  prefetch: 64,
  concurrency: 16,
  timeout: '60s',
  window: 256,
  buffer: { messages: 10_000, bytes: '64mb', onFull: 'reject' },
  publishTimeout: '10s',
  retry: { delays: ['1s', '5s', '30s', '2m', '10m'] },
  queue: { type: 'quorum', deliveryLimit: 20 },
  outbox: false,
  drainTimeout: '15s',
} as const satisfies RabbitmqModuleOptions

/** The options as the feature uses them. All times in milliseconds. */
export interface RabbitmqSettings {
  /** Addresses of the nodes of one broker; empty when messages live in the process. They may hold passwords. */
  urls: readonly string[]
  tls: TlsSettings | undefined
  prefix: string
  appId: string | undefined
  prefetch: number
  concurrency: number
  timeout: number
  window: number
  buffer: { messages: number, bytes: number, onFull: 'reject' | 'wait' }
  publishTimeout: number
  delays: readonly number[]
  queueType: QueueType
  deliveryLimit: number
  outbox: OutboxSettings | undefined
  drainTimeout: number
}

const OPTION = 'scale.rabbitmq'
/** RabbitMQ closes the channel of a consumer that holds a message for 30 minutes. */
const LONGEST_RUN = 25 * 60_000
const MOST_DELAYS = 100

/**
 * @param env where `RABBITMQ_URL` is looked up
 * @throws Error naming the option that is wrong
 */
export function resolveRabbitmqSettings(options: RabbitmqModuleOptions, env: NodeJS.ProcessEnv): RabbitmqSettings {
  refuseOtherThanObject(options, OPTION)
  refuseUnknownKeys(options, Object.keys(rabbitmqDefaults), OPTION)
  const given = { ...rabbitmqDefaults, ...options }
  const buffer = group(given.buffer, rabbitmqDefaults.buffer, 'buffer')
  const retry = group(given.retry, rabbitmqDefaults.retry, 'retry')
  const queue = group(given.queue, rabbitmqDefaults.queue, 'queue')
  const prefetch = parseCount(given.prefetch, `${OPTION}.prefetch`)
  const concurrency = parseCount(given.concurrency, `${OPTION}.concurrency`)
  if (prefetch > 65_535) throw new TypeError(`${OPTION}.prefetch is ${prefetch}: write a whole number up to 65535.`)
  if (prefetch < concurrency) throw new TypeError(`${OPTION}.prefetch is ${prefetch}, and concurrency is ${concurrency}: write a prefetch of at least the concurrency, so that every handler has a message.`)
  const urls = parseUrls(given.url, env)
  return {
    urls,
    tls: parseTls(given.tls ?? {}, urls, `${OPTION}.tls`),
    prefix: parsePrefix(given.prefix),
    appId: String(given.appId) || undefined,
    prefetch,
    concurrency,
    timeout: parseRun(given.timeout, `${OPTION}.timeout`),
    window: parseCount(given.window, `${OPTION}.window`),
    buffer: {
      messages: parseCount(buffer.messages, `${OPTION}.buffer.messages`),
      bytes: parseBytes(buffer.bytes, `${OPTION}.buffer.bytes`),
      onFull: parseChoice(buffer.onFull, ['reject', 'wait'], `${OPTION}.buffer.onFull`),
    },
    publishTimeout: parseWait(given.publishTimeout, `${OPTION}.publishTimeout`),
    delays: parseDelays(retry.delays, `${OPTION}.retry.delays`),
    queueType: parseChoice(queue.type, ['quorum', 'classic'], `${OPTION}.queue.type`),
    deliveryLimit: parseCount(queue.deliveryLimit, `${OPTION}.queue.deliveryLimit`),
    outbox: given.outbox === false ? undefined : resolveOutboxSettings(given.outbox, `${OPTION}.outbox`),
    drainTimeout: parseWait(given.drainTimeout, `${OPTION}.drainTimeout`),
  }
}

function group<Group extends object>(given: unknown, defaults: Group, name: string): Record<keyof Group, unknown> {
  const path = `${OPTION}.${name}`
  const values = parseObject(given, path)
  refuseUnknownKeys(values, Object.keys(defaults), path)
  return { ...defaults, ...values }
}

/** The addresses of an option or a variable. */
export function listUrls(value: unknown): string[] {
  return [value].flat().flatMap(part => String(part).split(',')).map(url => url.trim()).filter(Boolean)
}

/** Shows no address: each may hold a password. */
function parseUrls(value: unknown, env: NodeJS.ProcessEnv): string[] {
  const own = listUrls(value)
  const urls = own.length > 0 ? own : listUrls(env.RABBITMQ_URL ?? '')
  const source = own.length > 0 ? `${OPTION}.url (NUXT_SCALE_RABBITMQ_URL)` : `${OPTION}.url (RABBITMQ_URL)`
  if (!urls.every(url => /^amqps?:\/\/[^\s/]/i.test(url) && URL.canParse(url))) {
    throw new TypeError(`${source} is no address of RabbitMQ: write amqp://host:5672, or amqps:// for TLS, and several separated by commas.`)
  }
  return urls
}

function parsePrefix(prefix: unknown): string {
  if (typeof prefix === 'string' && /^[\w-][\w.-]{0,63}$/.test(prefix) && !prefix.startsWith('amq.')) return prefix
  throw new TypeError(`${OPTION}.prefix is ${JSON.stringify(prefix)}: write letters, digits, points and dashes, such as 'shop'; amq. belongs to RabbitMQ.`)
}

/** Longest run of a handler, in ms. */
export function parseRun(value: Duration, path: string): number {
  const milliseconds = parseDuration(value, path)
  if (milliseconds < 1 || milliseconds > LONGEST_RUN) throw new TypeError(`${path} is ${JSON.stringify(value)}: write a time from '1ms' to '25m', because RabbitMQ takes messages away after 30 minutes.`)
  return milliseconds
}

/** A wait, in ms. */
export function parseWait(value: Duration, path: string): number {
  const milliseconds = parseDuration(value, path)
  if (milliseconds < 1 || milliseconds > LONGEST_TIMER) throw new TypeError(`${path} is ${JSON.stringify(value)}: write a time from '1ms' to '24d'.`)
  return milliseconds
}

/** Pauses in ms. */
export function parseDelays(value: unknown, path: string): number[] {
  const delays = typeof value === 'string' ? value.split(',').map(delay => delay.trim()).filter(Boolean) : value
  if (!Array.isArray(delays) || delays.length > MOST_DELAYS) throw new TypeError(`${path} is ${JSON.stringify(value)?.slice(0, 60)}: write a list of at most ${MOST_DELAYS} times, such as ['1s', '5s', '30s'].`)
  return delays.map(delay => parseWait(delay as Duration, path))
}
