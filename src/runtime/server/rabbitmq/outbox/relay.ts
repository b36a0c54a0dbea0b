import { detached } from '../../core/detached'
import type { Broker } from '../broker'
import { describeError } from '../consume/failure'
import { withDeadline } from '../../core/deadline'
import type { SqlClient } from '../sql-client'
import type { RoundOptions } from './round'
import { relayRound } from './round'

/** A database with an outbox. */
export interface OutboxSource {
  /** Name in logs, such as `the database default`. */
  name: string
  /** Runs `task` with a client of this database. */
  use: <T>(task: (client: SqlClient) => Promise<T>) => Promise<T>
}

export interface RelayOptions extends RoundOptions {
  /** Databases whose outboxes are polled. */
  sources: readonly OutboxSource[]
  broker: Pick<Broker, 'publish' | 'state'>
  /** Milliseconds between two polls. */
  interval: number
  log: { warn: (message: string) => void, info: (message: string) => void }
}

export interface Relay {
  /** Tells the relay that a message was written, so it polls soon instead of after the interval. */
  nudge: () => void
  /** Starts no further round and waits up to `timeout` ms for the running ones. */
  stop: (timeout: number) => Promise<void>
}

/** Maximum number of databases that are polled at the same time. */
const SIDE_BY_SIDE = 4
/** Milliseconds from a nudge to the poll, so that the transaction that wrote the message has time to commit. */
const NUDGE_DELAY = 25

/**
 * Creates a relay, which publishes the messages of the outboxes until it is stopped.
 * Call it outside any request: the timers run in the async context of this call.
 */
export function createRelay(options: RelayOptions): Relay {
  const { sources, broker, interval, batch, log } = options
  const failing = new Set<string>()
  // `nudge` is called within requests. The relay must not use their tenant and database clients.
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let nudged = false
  let stopped = false

  function schedule(delay: number): void {
    clearTimeout(timer)
    timer = stopped ? undefined : detached(setTimeout, run, delay).unref()
  }

  function run(): void {
    nudged = false
    running = lookAtAll().then(() => {
      running = undefined
      schedule(nudged ? NUDGE_DELAY : interval)
    })
  }

  async function lookAtAll(): Promise<void> {
    // Without the broker, a round would only lock rows and occupy a database connection.
    if (broker.state !== 'connected') return
    const queue = sources.values()
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, async () => {
      for (const source of queue) await publishAll(source)
    }))
  }

  async function publishAll(source: OutboxSource): Promise<void> {
    try {
      while (!stopped && broker.state === 'connected') {
        const { found, published, refused } = await source.use(client => relayRound(client, broker, options))
        for (const { row, error } of refused) {
          if (row.attempts === 0) {
            log.warn(`A message in the outbox of ${source.name} cannot be published; it stays there and is retried: ${error.message}`)
          }
        }
        reportRecovery(source.name)
        if (found < batch || published === 0) return
      }
    }
    catch (error) {
      reportFailure(source.name, error)
    }
  }

  function reportFailure(name: string, error: unknown): void {
    if (failing.has(name)) return
    failing.add(name)
    log.warn(`The outbox of ${name} cannot be read, so its messages wait there: ${describeError(error)}`)
  }

  function reportRecovery(name: string): void {
    if (failing.delete(name)) log.info(`The outbox of ${name} can be read again.`)
  }

  // Wait before the first poll: migrations may still be creating the tables, and the first message written nudges anyway.
  schedule(interval)
  return {
    nudge() {
      nudged = true
      if (!running) schedule(NUDGE_DELAY)
    },
    async stop(timeout) {
      stopped = true
      clearTimeout(timer)
      if (running) await withDeadline(running, timeout, () => new Error('late')).catch(() => {})
    },
  }
}
