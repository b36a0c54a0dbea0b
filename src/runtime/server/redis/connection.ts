import { setImmediate as nextTurn } from 'node:timers/promises'
import { Cluster as DefaultCluster, Redis as DefaultRedis } from 'ioredis'
import type { Redis } from 'ioredis'
import { detached } from '../core/detached'
import type { AvailabilityListeners, RedisLog } from './availability'
import { createAvailabilityListeners } from './availability'
import type { Breaker } from './breaker'
import { createBreaker } from './breaker'
import type { RedisLibrary, Subscribers } from './client'
import { CONNECT_TIMEOUT, createClient, closeClient, createSubscribers } from './client'
import { watchClient } from './client-events'
import { systemClock } from '../core/clock'
import type { CommandContext, RedisOperation } from './command-budget'
import { runOnceConnected, runWithinBudget, judgeFailedCommand } from './command-budget'
import { describeRedis } from './settings'
import { RedisUnavailableError, faultText, hidesCause, withCause } from './errors'
import { explainUnreachable, awaitFirstConnection } from './first-connection'
import type { FirstConnection } from './first-connection'
import { PING_TIMEOUT, createServerProbe, createStuckClients } from './server-probe'
import { keyMasters } from './cluster'
import type { RedisSettings } from './settings'
import type { RedisClient, RedisCommandName, RedisConnection } from './types'
import { instrument, onRead } from '../core/instruments'

const up = instrument('scale.redis.up')
const breakerState = instrument('scale.breaker.state')
const transitions = instrument('scale.breaker.transitions')

/** The states of a breaker as numbers. */
const BREAKER_STATES = { 'closed': 0, 'half-open': 1, 'open': 2 } as const

/** Dependencies of a connection besides its settings. */
export interface RedisConnectionContext {
  log: RedisLog
  /** The constructors to use. @default those of the installed `ioredis` */
  ioredis?: RedisLibrary
}

/** Milliseconds until Redis counts as down if the first connection has not been established. */
const FIRST_CONNECT_LIMIT = CONNECT_TIMEOUT + 500

/**
 * Opens the connection that all features share.
 *
 * Call it outside any request. Sockets and timers keep the async context in which they were created, so a connection
 * that was created inside a request would keep the tenant of that request for its whole lifetime.
 *
 * It does not throw if Redis is down. The first calls wait for the first connection, each within its own budget.
 * After that, the breaker detects a lost or silent Redis, and calls fail at once until a background probe gets an answer.
 */
export function createRedisConnection(settings: RedisSettings, context: RedisConnectionContext): RedisConnection {
  return new SharedConnection(settings, context)
}

class SharedConnection implements RedisConnection {
  readonly client: RedisClient
  readonly isCluster: boolean
  readonly prefix: string
  readonly database: number
  readonly commandTimeout: number

  readonly #breaker: Breaker
  readonly #availabilityListeners: AvailabilityListeners
  readonly #subscribers: Subscribers
  readonly #firstConnection: FirstConnection
  readonly #commandContext: CommandContext
  /** Finds out why the first attempt failed, if ioredis does not report it. A single server always reports it. */
  readonly #explain: ((reason: string) => void) | undefined
  readonly #stopReading: () => void
  #closing: Promise<void> | undefined
  readonly #closed = new AbortController()

  constructor(settings: RedisSettings, { log, ioredis }: RedisConnectionContext) {
    const library = ioredis ?? { Redis: DefaultRedis, Cluster: DefaultCluster }
    this.isCluster = settings.kind === 'cluster'
    this.prefix = settings.prefix
    this.database = settings.kind === 'cluster' ? 0 : settings.database
    this.commandTimeout = settings.commandTimeout
    this.#availabilityListeners = createAvailabilityListeners(describeRedis(settings), log)

    if (settings.kind !== 'single') this.#explain = this.#createExplanation(settings)

    const client = createClient(settings, library)
    this.client = client
    this.#subscribers = createSubscribers(settings, library, client)
    this.#firstConnection = awaitFirstConnection(
      FIRST_CONNECT_LIMIT,
      () => this.#lose(`no connection within ${FIRST_CONNECT_LIMIT} ms`),
      systemClock,
    )
    const events = watchClient(client, {
      lost: reason => this.#lose(reason),
      ready: () => {
        this.#firstConnection.end()
        this.#breaker.probeNow()
      },
      nodeReady: () => this.#breaker.probeNow(),
      outside: detached,
    })
    const { probe, doubtMaster } = createServerProbe({
      client,
      databaseFault: () => events.databaseFault,
      stuckClients: createStuckClients(() => this.#closing !== undefined),
    })
    const breaker = createBreaker({
      probe,
      probeTimeout: PING_TIMEOUT + 50,
      onChange: (available, reason) => {
        transitions.record(1, 'redis', available ? 'closed' : 'open')
        detached(() => this.#availabilityListeners.announce(available, reason))
      },
      clock: {
        ...systemClock,
        setTimeout: (callback, milliseconds) => detached(setTimeout, callback, milliseconds),
      },
    })
    this.#breaker = breaker
    this.#stopReading = onRead(() => {
      up.record(this.available ? 1 : 0, 'commands')
      breakerState.record(BREAKER_STATES[breaker.state], 'redis')
    })
    this.#commandContext = {
      client,
      clock: systemClock,
      patience: settings.commandTimeout,
      refusal: () => this.available ? undefined : this.#unavailable(),
      answered: () => breaker.succeeded(),
      expired: reason => breaker.failed(reason),
      failed: error => judgeFailedCommand(error, { client, breaker, demoted: doubtMaster }),
    }
  }

  get available(): boolean {
    return this.#breaker.available && !this.#closing
  }

  run<T>(operation: RedisOperation<T>, budget = this.commandTimeout, name: RedisCommandName = '_other'): Promise<T> {
    if (!this.available) return Promise.reject(this.#unavailable())
    const { pending } = this.#firstConnection
    return pending
      ? runOnceConnected(this.#commandContext, pending, operation, budget, name)
      : runWithinBudget(this.#commandContext, operation, budget, budget, name)
  }

  masters(): Redis[] {
    return keyMasters(this.client)
  }

  openSubscriber(node?: Redis): Redis {
    if (this.#closing) throw this.#unavailable()
    return detached(() => this.#subscribers.open(node))
  }

  onAvailability(listener: (available: boolean) => void): () => void {
    return this.#availabilityListeners.listen(listener)
  }

  close(): Promise<void> {
    this.#closing ??= detached(() => this.#closeEverything())
    return this.#closing
  }

  #unavailable(): RedisUnavailableError {
    return new RedisUnavailableError(this.#closing ? 'the connection is closed' : this.#breaker.reason)
  }

  #lose(reason: string): void {
    if (this.#firstConnection.pending && !this.#closing && hidesCause(reason) && this.#explain) {
      this.#explain(reason)
      return
    }
    if (!this.#closing) {
      this.#breaker.trip(reason)
    }
    this.#firstConnection.end()
  }

  /** The cause is usually a wrong address, password or certificate, but ioredis drops the errors of those sockets. */
  #createExplanation(settings: Exclude<RedisSettings, { kind: 'single' }>): (reason: string) => void {
    let looking: Promise<void> | undefined
    return (reason) => {
      const nodes = settings.kind === 'cluster' ? settings.nodes : settings.sentinels
      looking ??= explainUnreachable(nodes, settings.tls, this.#closed.signal).catch(faultText).then((cause) => {
        if (this.#firstConnection.pending) {
          this.#breaker.trip(cause ? withCause(reason, cause) : reason)
          this.#firstConnection.end()
        }
      })
    }
  }

  async #closeEverything(): Promise<void> {
    this.#closed.abort()
    this.#stopReading()
    this.#breaker.close()
    this.#firstConnection.end()
    this.#availabilityListeners.clear()
    // Calls of this turn are still being collected in an automatic pipeline, so let them be sent before QUIT.
    await nextTurn()
    await Promise.all([this.client, ...this.#subscribers.list()].map(closeClient))
  }
}
