import type { Duration } from '../../cache/types'
import { parseDuration } from '../../duration'
import { parseCount, parseObject, refuseUnknownKeys } from '../../settings'

/** `scale.rabbitmq.outbox`: messages that exist when a transaction commits, and effects that happen once. PostgreSQL. */
export interface OutboxModuleOptions {
  /**
   * Names of the databases whose outboxes are emptied, as `usePrisma(name)` takes them; `shard eu` is that of a shard.
   * @default ['default']
   */
  databases?: readonly string[]
  /**
   * Tenants whose outboxes are emptied too.
   * @default []
   */
  tenants?: readonly string[]
  /**
   * Pause between two looks at an outbox. What this process writes is published sooner.
   * @default '1s'
   * @env NUXT_SCALE_RABBITMQ_OUTBOX_INTERVAL
   */
  interval?: Duration
  /**
   * Most messages that are published in one transaction.
   * @default 200
   * @env NUXT_SCALE_RABBITMQ_OUTBOX_BATCH
   */
  batch?: number
  /**
   * How long the inbox remembers a message: longer than any copy can be on its way, dead letters included.
   * @default '7d'
   * @env NUXT_SCALE_RABBITMQ_OUTBOX_KEEP
   */
  keep?: Duration
}

export const outboxDefaults = { databases: ['default'], tenants: [], interval: '1s', batch: 200, keep: '7d' } as const satisfies OutboxModuleOptions

/** Times in ms. */
export interface OutboxSettings {
  databases: readonly string[]
  tenants: readonly string[]
  interval: number
  batch: number
  keep: number
}

/** @throws Error naming the option that is wrong */
export function resolveOutboxSettings(options: OutboxModuleOptions, path: string): OutboxSettings {
  refuseUnknownKeys(parseObject(options, path), Object.keys(outboxDefaults), path)
  const { databases, tenants, interval, batch, keep } = { ...outboxDefaults, ...options }
  return {
    databases: parseNames(databases, `${path}.databases`),
    tenants: parseNames(tenants, `${path}.tenants`),
    interval: parseTime(interval, `${path}.interval`, 10),
    batch: parseBatch(batch, `${path}.batch`),
    keep: parseTime(keep, `${path}.keep`, 60_000),
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
  if (batch > 10_000) throw new TypeError(`${path} is ${batch}: write a whole number up to 10000, since one transaction holds them all.`)
  return batch
}
