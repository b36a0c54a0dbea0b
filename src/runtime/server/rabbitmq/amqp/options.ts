import type { Clock } from '../../core/clock'
import type { TlsSettings } from '../../core/tls'
import type { Limits } from './budget'

/** Logger of the broker. */
export interface BrokerLog {
  info: (message: string) => void
  warn: (message: string) => void
}

/** Limits of the messages that wait in this process to be sent or confirmed. */
export interface BufferOptions extends Limits {
  /**
   * Behaviour of a publish when the buffer is full: `reject` immediately, or `wait` for space until its timeout.
   * The limits do not include messages that wait for space, so code that publishes many messages should await each publish.
   */
  onFull: 'reject' | 'wait'
}

/** Options of {@link createAmqpBroker}. All times are in milliseconds. */
export interface AmqpBrokerOptions {
  /** One address per host, as `amqp://user:password@host:5672/vhost` or `amqps://…`. The hosts are tried in turn. */
  urls: readonly string[]
  /** TLS options for `amqps://`. @default the certificate authorities that Node trusts */
  tls?: TlsSettings
  /** Name of the app. It is the default `appId` of messages, and part of the connection name in the management UI. */
  appId?: string
  /** Maximum number of messages that are sent and not yet confirmed. @default 256 */
  window?: number
  /** @default 10,000 messages, 64 MB, `reject` */
  buffer?: Partial<BufferOptions>
  /** Interval of the heartbeats. A connection without traffic is dropped after two to three intervals. @default 10_000 */
  heartbeat?: number
  /** Maximum time of an attempt to connect. @default 5_000 */
  connectTimeout?: number
  /** Maximum time until the broker answers a declaration or a query. @default 10_000 */
  operationTimeout?: number
  /** Longest pause between two attempts to connect. Pauses are random, with a bound that starts at 100 ms and doubles. @default 10_000 */
  maxBackoff?: number
  log: BrokerLog
  /** Clock, timers and random source. @default the system's */
  clock?: Clock
}
