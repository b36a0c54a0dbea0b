import type { Duration } from '../../core/duration'
import { parseDuration } from '../../core/duration'
import type { Complete } from '../../core/feature-settings'
import { defineSettings } from '../../core/feature-settings'
import { parseCount } from '../../core/settings'

/**
 * `scale.rabbitmq.outbox`: publishes messages only if a transaction commits, and applies each received message once. It needs
 * PostgreSQL and the tables that `npx nuxt-scale outbox` prints.
 */
export interface OutboxModuleOptions {
  /**
   * Databases whose outboxes are published, by the names that `usePrisma(name)` accepts. `shard eu` is the database of the shard `eu`.
   * @default ['default']
   */
  databases?: readonly string[]
  /**
   * Tenants whose outboxes are also published.
   * @default []
   */
  tenants?: readonly string[]
  /**
   * Pause between two polls of an outbox, at least 10 ms. Messages that this process writes are published sooner.
   * @default '1s'
   * @env NUXT_SCALE_RABBITMQ_OUTBOX_INTERVAL
   */
  interval?: Duration
  /**
   * Maximum number of messages that are published in one transaction, at most 10000.
   * @default 200
   * @env NUXT_SCALE_RABBITMQ_OUTBOX_BATCH
   */
  batch?: number
  /**
   * How long the inbox remembers a message, at least one minute. Choose a time longer than any copy can still arrive, including
   * replayed dead letters.
   * @default '7d'
   * @env NUXT_SCALE_RABBITMQ_OUTBOX_KEEP
   */
  keep?: Duration
}

/** The validated options. All times are in milliseconds. */
export interface OutboxSettings {
  databases: readonly string[]
  tenants: readonly string[]
  interval: number
  batch: number
  keep: number
}

const OPTION = 'scale.rabbitmq.outbox'

/** The options of `scale.rabbitmq.outbox`. */
export const outboxSettings = defineSettings({
  path: OPTION,
  defaults: {
    databases: ['default'],
    tenants: [],
    interval: '1s',
    batch: 200,
    keep: '7d',
  },
  resolve: resolveOutbox,
})

function resolveOutbox({ databases, tenants, interval, batch, keep }: Complete<OutboxModuleOptions>): OutboxSettings {
  return {
    databases: parseNames(databases, `${OPTION}.databases`),
    tenants: parseNames(tenants, `${OPTION}.tenants`),
    interval: parseTime(interval, `${OPTION}.interval`, 10),
    batch: parseBatch(batch, `${OPTION}.batch`),
    keep: parseTime(keep, `${OPTION}.keep`, 60_000),
  }
}

function parseNames(names: readonly string[], path: string): readonly string[] {
  if (Array.isArray(names) && names.every(name => typeof name === 'string' && name !== '')) return names as readonly string[]
  throw new TypeError(`${path} is ${JSON.stringify(names)}: write a list of names.`)
}

function parseTime(value: Duration, path: string, least: number): number {
  const milliseconds = parseDuration(value, path)
  if (milliseconds < least) throw new TypeError(`${path} is ${JSON.stringify(value)}: write a time of at least ${least} ms.`)
  return milliseconds
}

function parseBatch(value: number, path: string): number {
  const batch = parseCount(value, path)
  if (batch > 10_000) {
    throw new TypeError(`${path} is ${batch}: write a whole number up to 10000, because one transaction locks all of these rows.`)
  }
  return batch
}
