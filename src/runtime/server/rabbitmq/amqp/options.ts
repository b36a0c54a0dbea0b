import type { BrokerClock } from './clock'
import type { TlsSettings } from '../../core/tls'
import type { Limits } from './budget'

/** Where the broker writes what an operator must know. */
export interface BrokerLog {
  info: (message: string) => void
  warn: (message: string) => void
}

/** What may wait in this process to be sent or confirmed. */
export interface BufferOptions extends Limits {
  /**
   * What a publish does that finds the buffer full: `reject` at once, or `wait` for space within its timeout.
   * The memory of what waits is that of its caller, so code that may publish very much should await.
   */
  onFull: 'reject' | 'wait'
}

/** What a broker on RabbitMQ is made of. Times are milliseconds. */
export interface AmqpBrokerOptions {
  /** `amqp://user:password@host:5672/vhost` or `amqps://…`, one for each host; they are tried in turn. */
  urls: readonly string[]
  /** For `amqps://`. @default what Node trusts */
  tls?: TlsSettings
  /** Name of the app: put on messages that name none, and shown in the management page. */
  appId?: string
  /** How many messages may be sent without being confirmed. @default 256 */
  window?: number
  /** @default 10,000 messages, 64 MB, `reject` */
  buffer?: Partial<BufferOptions>
  /** A silent connection is given up after two to three times this. @default 10_000 */
  heartbeat?: number
  /** How long an attempt to connect may take. @default 5_000 */
  connectTimeout?: number
  /** How long the broker may take to answer a declaration or a question. @default 10_000 */
  operationTimeout?: number
  /** The longest pause between two attempts to connect; each is a random part of a pause that doubles from 100 ms. @default 10_000 */
  maxBackoff?: number
  log: BrokerLog
  /** @default the clock of the process */
  clock?: BrokerClock
}
