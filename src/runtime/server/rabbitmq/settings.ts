import type { Duration } from '../core/duration'
import { LONGEST_TIMER } from '../core/deadline'
import { parseDuration } from '../core/duration'
import type { Complete } from '../core/feature-settings'
import { defineSettings } from '../core/feature-settings'
import { parseBytes, parseChoice, parseCount, parseObject, parseSwitch } from '../core/settings'
import type { OutboxModuleOptions, OutboxSettings } from './outbox/outbox-settings'
import { outboxSettings } from './outbox/outbox-settings'
import type { TlsSettings } from '../core/tls'
import type { RabbitmqTlsOptions } from './tls'
import { parseTls, rabbitmqTlsDefaults } from './tls'
import type { QueueType } from './topology'

/**
 * `scale.rabbitmq`: publishing with confirms, and consumers with retries and dead-letter queues. The feature is off until this
 * option is set. Set any value when the server starts with the environment variable `NUXT_SCALE_RABBITMQ_<NAME>`. Plain numbers of
 * a duration are seconds.
 */
export interface RabbitmqModuleOptions {
  /**
   * Address of RabbitMQ. Separate the addresses of several nodes of one cluster with commas.
   * Without an address, an in-memory broker in the same process carries the messages.
   * @default '' (then `RABBITMQ_URL`)
   * @env NUXT_SCALE_RABBITMQ_URL
   */
  url?: string | readonly string[]
  /** TLS options for `amqps://` addresses. */
  tls?: RabbitmqTlsOptions
  /**
   * Prefix of the names of the exchanges and queues that the module creates for itself.
   * @default 'scale'
   * @env NUXT_SCALE_RABBITMQ_PREFIX
   */
  prefix?: string
  /**
   * Name of this app. Published messages contain it as their `appId`.
   * @default the `name` of the app's package.json
   * @env NUXT_SCALE_RABBITMQ_APP_ID
   */
  appId?: string
  /**
   * Maximum number of unacknowledged messages per consumer. It must be at least `concurrency`.
   * @default 64
   * @env NUXT_SCALE_RABBITMQ_PREFETCH
   */
  prefetch?: number
  /**
   * Maximum number of handlers that run at the same time per consumer.
   * @default 16
   * @env NUXT_SCALE_RABBITMQ_CONCURRENCY
   */
  concurrency?: number
  /**
   * Maximum run time of a handler, at most 25 minutes. When it is exceeded, the handler's `signal` is aborted and the attempt fails.
   * RabbitMQ itself takes an unacknowledged message back after 30 minutes.
   * @default '60s'
   * @env NUXT_SCALE_RABBITMQ_TIMEOUT
   */
  timeout?: Duration
  /**
   * Maximum number of messages that are sent to the broker and not yet confirmed.
   * @default 256
   * @env NUXT_SCALE_RABBITMQ_WINDOW
   */
  window?: number
  /**
   * Whether the module writes messages as AMQP frames itself, which takes less processor time. `false` sends them with amqplib's own
   * `publish()`. If the installed amqplib lacks a part that this needs, its `publish()` is used as well, and the log says so.
   * @default true
   * @env NUXT_SCALE_RABBITMQ_FRAMES
   */
  frames?: boolean
  /**
   * Limits for the messages that wait in the process while the broker is down or slow. Without a URL, they limit each in-memory
   * queue.
   */
  buffer?: RabbitmqBufferOptions
  /**
   * Maximum wait until the broker confirms a message. After it, `publish` rejects; if the message was already sent, its outcome is
   * unknown.
   * @default '10s'
   * @env NUXT_SCALE_RABBITMQ_PUBLISH_TIMEOUT
   */
  publishTimeout?: Duration
  /** Retries of messages whose handler failed. */
  retry?: RabbitmqRetryOptions
  /** Type and delivery limit of the declared queues. */
  queue?: RabbitmqQueueOptions
  /**
   * Transactional outbox and inbox. `publish(…, { tx })` publishes a message only if the transaction commits, and `dedupe` applies
   * each message once. Both need `scale.database`.
   * @default false
   */
  outbox?: false | OutboxModuleOptions
  /**
   * Maximum time to stop consumers and finish publishing when the server shuts down. It is cut to the remaining time of
   * `scale.shutdown.gracePeriod`.
   * @default '15s'
   * @env NUXT_SCALE_RABBITMQ_DRAIN_TIMEOUT
   */
  drainTimeout?: Duration
}

/** `scale.rabbitmq.buffer`: limits for the messages that wait in the process, to be sent or confirmed. */
interface RabbitmqBufferOptions {
  /**
   * Maximum number of messages in the buffer.
   * @default 10_000
   * @env NUXT_SCALE_RABBITMQ_BUFFER_MESSAGES
   */
  messages?: number
  /**
   * Maximum total size of the contents in the buffer: a number of bytes, or a string with a unit such as `'64mb'`.
   * The size is counted as it is sent. A content with characters beyond Latin-1 needs up to twice as much memory.
   * @default '64mb'
   * @env NUXT_SCALE_RABBITMQ_BUFFER_BYTES
   */
  bytes?: number | string
  /**
   * Behaviour of `publish` when the buffer is full: `reject` fails immediately, `wait` waits for space until the timeout of the publish.
   * @default 'reject'
   * @env NUXT_SCALE_RABBITMQ_BUFFER_ON_FULL
   */
  onFull?: 'reject' | 'wait'
}

/** `scale.rabbitmq.retry`: retries of messages whose handler failed. A consumer can override them. */
interface RabbitmqRetryOptions {
  /**
   * Pauses before each retry. A message is tried once, and then once after each pause. After the last attempt it goes to the
   * dead-letter queue.
   * @default ['1s', '5s', '30s', '2m', '10m']
   * @env NUXT_SCALE_RABBITMQ_RETRY_DELAYS separated by commas
   */
  delays?: string | readonly Duration[]
}

/** `scale.rabbitmq.queue`: arguments of the declared queues. Existing queues are not changed. */
interface RabbitmqQueueOptions {
  /**
   * `quorum` queues are replicated and count deliveries. `classic` queues are stored on one node.
   * @default 'quorum'
   * @env NUXT_SCALE_RABBITMQ_QUEUE_TYPE
   */
  type?: QueueType
  /**
   * How often the broker may redeliver a message, for example because its process crashed, before it becomes a dead letter. Quorum
   * queues only.
   * @default 20
   * @env NUXT_SCALE_RABBITMQ_QUEUE_DELIVERY_LIMIT
   */
  deliveryLimit?: number
}

/** The validated options. All times are in milliseconds. */
export interface RabbitmqSettings {
  /** Addresses of the nodes of one broker. Empty for the in-memory broker. They may contain passwords, so never log them. */
  urls: readonly string[]
  tls: TlsSettings | undefined
  prefix: string
  appId: string | undefined
  prefetch: number
  concurrency: number
  timeout: number
  window: number
  frames: boolean
  buffer: { messages: number, bytes: number, onFull: 'reject' | 'wait' }
  publishTimeout: number
  delays: readonly number[]
  queueType: QueueType
  deliveryLimit: number
  outbox: OutboxSettings | undefined
  drainTimeout: number
}

const OPTION = 'scale.rabbitmq'
/** Maximum `timeout` of a handler, in ms. It is below 30 minutes, after which RabbitMQ closes the channel of a consumer. */
const LONGEST_RUN = 25 * 60_000
const MOST_DELAYS = 100

/** The options of `scale.rabbitmq`. `RABBITMQ_URL` is read from the environment if the options contain no address. */
export const rabbitmqSettings = defineSettings({
  path: OPTION,
  defaults: {
    url: '',
    tls: rabbitmqTlsDefaults,
    prefix: 'scale',
    appId: '',
    prefetch: 64,
    concurrency: 16,
    timeout: '60s',
    window: 256,
    frames: true,
    buffer: { messages: 10_000, bytes: '64mb', onFull: 'reject' },
    publishTimeout: '10s',
    retry: { delays: ['1s', '5s', '30s', '2m', '10m'] },
    queue: { type: 'quorum', deliveryLimit: 20 },
    outbox: false,
    drainTimeout: '15s',
  },
  offGroups: { outbox: outboxSettings.defaults },
  resolve: resolveRabbitmq,
})

function resolveRabbitmq(given: Complete<RabbitmqModuleOptions>, env: NodeJS.ProcessEnv = {}): RabbitmqSettings {
  for (const name of ['buffer', 'retry', 'queue'] as const) parseObject(given[name], `${OPTION}.${name}`)
  const { buffer, retry, queue, outbox } = given
  if (outbox !== false) parseObject(outbox, `${OPTION}.outbox`)
  const prefetch = parseCount(given.prefetch, `${OPTION}.prefetch`)
  const concurrency = parseCount(given.concurrency, `${OPTION}.concurrency`)
  if (prefetch > 65_535) throw new TypeError(`${OPTION}.prefetch is ${prefetch}: write a whole number up to 65535.`)
  if (prefetch < concurrency) {
    throw new TypeError(`${OPTION}.prefetch is ${prefetch}, which is less than concurrency (${concurrency}): `
      + `write a prefetch of at least ${concurrency}, so that every handler can get a message.`)
  }
  const urls = parseUrls(given.url, env)
  return {
    urls,
    tls: parseTls(given.tls, urls, `${OPTION}.tls`),
    prefix: parsePrefix(given.prefix),
    appId: String(given.appId) || undefined,
    prefetch,
    concurrency,
    timeout: parseRun(given.timeout, `${OPTION}.timeout`),
    window: parseCount(given.window, `${OPTION}.window`),
    frames: parseSwitch(given.frames, `${OPTION}.frames`),
    buffer: {
      messages: parseCount(buffer.messages, `${OPTION}.buffer.messages`),
      bytes: parseBytes(buffer.bytes, `${OPTION}.buffer.bytes`),
      onFull: parseChoice(buffer.onFull, ['reject', 'wait'], `${OPTION}.buffer.onFull`),
    },
    publishTimeout: parseWait(given.publishTimeout, `${OPTION}.publishTimeout`),
    delays: parseDelays(retry.delays, `${OPTION}.retry.delays`),
    queueType: parseChoice(queue.type, ['quorum', 'classic'], `${OPTION}.queue.type`),
    deliveryLimit: parseCount(queue.deliveryLimit, `${OPTION}.queue.deliveryLimit`),
    outbox: outbox === false ? undefined : outboxSettings.resolve(outbox),
    drainTimeout: parseWait(given.drainTimeout, `${OPTION}.drainTimeout`),
  }
}

/** Splits the addresses of an option or an environment variable into a list. */
export function listUrls(value: unknown): string[] {
  return [value].flat().flatMap(part => String(part).split(',')).map(url => url.trim()).filter(Boolean)
}

/** The error does not show the addresses, because each may contain a password. */
function parseUrls(value: unknown, env: NodeJS.ProcessEnv): string[] {
  const own = listUrls(value)
  const urls = own.length > 0 ? own : listUrls(env.RABBITMQ_URL ?? '')
  const source = own.length > 0 ? `${OPTION}.url (NUXT_SCALE_RABBITMQ_URL)` : `${OPTION}.url (RABBITMQ_URL)`
  if (!urls.every(url => /^amqps?:\/\/[^\s/]/i.test(url) && URL.canParse(url))) {
    throw new TypeError(`${source} must be an address of RabbitMQ, or several separated by commas: `
      + 'write amqp://host:5672, or amqps:// for TLS.')
  }
  return urls
}

function parsePrefix(prefix: unknown): string {
  if (typeof prefix === 'string' && /^[\w-][\w.-]{0,63}$/.test(prefix) && !prefix.startsWith('amq.')) return prefix
  throw new TypeError(`${OPTION}.prefix is ${JSON.stringify(prefix)}: write at most 64 letters, digits, dots, dashes or underscores, `
    + 'such as \'shop\'. It must not start with a dot or with amq., which RabbitMQ reserves.')
}

/** Reads the maximum run time of a handler. @returns milliseconds */
export function parseRun(value: Duration, path: string): number {
  const milliseconds = parseDuration(value, path)
  if (milliseconds < 1 || milliseconds > LONGEST_RUN) {
    throw new TypeError(`${path} is ${JSON.stringify(value)}: write a time from '1ms' to '25m', `
      + 'because RabbitMQ takes messages back after 30 minutes.')
  }
  return milliseconds
}

/** Reads a waiting time. @returns milliseconds */
export function parseWait(value: Duration, path: string): number {
  const milliseconds = parseDuration(value, path)
  if (milliseconds < 1 || milliseconds > LONGEST_TIMER) {
    throw new TypeError(`${path} is ${JSON.stringify(value)}: write a time from '1ms' to '24d'.`)
  }
  return milliseconds
}

/** Reads a list of pauses, or a string of them separated by commas. @returns milliseconds */
export function parseDelays(value: unknown, path: string): number[] {
  const delays = typeof value === 'string' ? value.split(',').map(delay => delay.trim()).filter(Boolean) : value
  if (!Array.isArray(delays) || delays.length > MOST_DELAYS) {
    throw new TypeError(`${path} is ${JSON.stringify(value)?.slice(0, 60)}: `
      + `write a list of at most ${MOST_DELAYS} times, such as ['1s', '5s', '30s'].`)
  }
  return delays.map(delay => parseWait(delay as Duration, path))
}
