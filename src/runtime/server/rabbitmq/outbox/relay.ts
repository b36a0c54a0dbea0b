import { AsyncLocalStorage } from 'node:async_hooks'
import type { Broker } from '../broker'
import { describeError } from '../consume/describe-error'
import { withDeadline } from '../../deadline'
import type { SqlClient } from '../sql-client'
import type { RoundOptions } from './round'
import { relayRound } from './round'

/** A database that has an outbox. */
export interface OutboxSource {
  /** What logs call it. */
  name: string
  /** Runs `task` with a client of it. */
  use: <T>(task: (client: SqlClient) => Promise<T>) => Promise<T>
}

export interface RelayOptions extends RoundOptions {
  /** The databases to look at. */
  sources: readonly OutboxSource[]
  broker: Pick<Broker, 'publish' | 'state'>
  /** Milliseconds between two looks at an outbox that was empty. */
  interval: number
  log: { warn: (message: string) => void, info: (message: string) => void }
}

export interface Relay {
  /** Something was written: look soon instead of at the next interval. */
  nudge: () => void
  /** No round begins any more; waits up to `timeout` ms for those that are under way. */
  stop: (timeout: number) => Promise<void>
}

/** Databases that are looked at side by side. */
const SIDE_BY_SIDE = 4
/** Milliseconds after a nudge: time for the transaction that wrote the message to commit. */
const NUDGE_DELAY = 25

/**
 * Publishes what transactions have left in the outboxes, until it is stopped.
 * Create it outside any request: its timers keep the async context they were made in.
 */
export function createRelay(options: RelayOptions): Relay {
  const { sources, broker, interval, batch, log } = options
  const failing = new Set<string>()
  // A nudge comes in the course of a request, whose clients and tenant are not the relay's.
  const outside = AsyncLocalStorage.snapshot()
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let nudged = false
  let stopped = false

  function schedule(delay: number): void {
    clearTimeout(timer)
    timer = stopped ? undefined : outside(setTimeout, run, delay).unref()
  }

  function run(): void {
    nudged = false
    running = lookAtAll().then(() => {
      running = undefined
      schedule(nudged ? NUDGE_DELAY : interval)
    })
  }

  async function lookAtAll(): Promise<void> {
    // What cannot be published now would only hold its rows and a connection of the database.
    if (broker.state !== 'connected') return
    const queue = sources.values()
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, async () => {
      for (const source of queue) await empty(source)
    }))
  }

  async function empty(source: OutboxSource): Promise<void> {
    try {
      while (!stopped && broker.state === 'connected') {
        const { found, published, refused } = await source.use(client => relayRound(client, broker, options))
        for (const { row, error } of refused) {
          if (row.attempts === 0) log.warn(`A message in the outbox of ${source.name} cannot be published and stays there: ${error.message}`)
        }
        recovered(source.name)
        if (found < batch || published === 0) return
      }
    }
    catch (error) {
      complain(source.name, error)
    }
  }

  function complain(name: string, error: unknown): void {
    if (failing.has(name)) return
    failing.add(name)
    log.warn(`The outbox of ${name} cannot be read; its messages wait there: ${describeError(error)}`)
  }

  function recovered(name: string): void {
    if (failing.delete(name)) log.info(`The outbox of ${name} can be read again.`)
  }

  // Not at once: the first transaction of a process nudges, and tables may still be on their way.
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
