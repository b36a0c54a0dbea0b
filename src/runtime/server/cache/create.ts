import { randomBytes } from 'node:crypto'
import type { RedisConnection } from '../redis/types'
import { Bus } from './bus'
import type { Coherence } from './coherence'
import type { Times } from '../core/clock'
import { systemClock } from '../core/clock'
import { instrument } from '../core/instruments'
import type { CacheCore, CacheLog } from './core'
import { createEngine } from './engine'
import { InvalidatedTags } from './invalidated-tags'
import { SingleFlights } from './single-flights'
import { Waiters } from './waiters'
import { Invalidations } from './invalidations'
import { L1 } from './l1'
import { createMemoryStore } from './memory-store'
import { createRedisStore } from './redis-store'
import type { CacheSettings } from './settings'
import { SHARED_TERM, watchTerm } from './term'
import type { CacheEngine } from './types'

export interface CacheEngineOptions {
  settings: CacheSettings
  /** If absent, the cache is in the memory of this process alone. */
  connection?: RedisConnection
  log: CacheLog
  /**
   * Freezes cached values and warns about values that change when stored.
   * @default false
   */
  development?: boolean
  /** Returns the scope (tenant) of the current call; '' for none. */
  scope?: () => string
  clock?: Times
}

const flushes = instrument('scale.bus.epoch_flushes')

/**
 * Interval in ms of the check whether a master of a Cluster was replaced.
 * The invalidations of the last 60 s are then sent again, so the interval must be well below that.
 */
const FAILOVER_CHECK = 10_000

/** Creates the cache of one process. The caller closes it. */
export function createCacheEngine(options: CacheEngineOptions): CacheEngine {
  const { settings, connection, clock = systemClock, scope = () => '' } = options
  const coherence: Coherence = { epoch: 0, liveUntil: connection ? 0 : Infinity, term: SHARED_TERM }
  const core: Omit<CacheCore, 'store'> = {
    settings,
    clock,
    coherence,
    l1: new L1(settings.l1, clock),
    flights: new SingleFlights(),
    refreshes: new SingleFlights(),
    waiters: new Waiters(),
    invalidatedTags: new InvalidatedTags(),
    stats: {
      l1Hits: 0, l2Hits: 0, staleHits: 0, loads: 0, loadErrors: 0, uncacheable: 0, fencedWrites: 0, redisErrors: 0,
      invalidationsQueued: 0, epochs: 0,
    },
    log: options.log,
    complaints: new Set(),
    development: options.development ?? false,
    budget: connection?.commandTimeout ?? Number.MAX_SAFE_INTEGER,
    nextWriteId: writeIds(),
  }
  if (!connection) {
    const embedded: CacheCore = { ...core, store: createMemoryStore(clock) }
    return createEngine(embedded, new Invalidations(embedded), scope, async () => {})
  }

  const raiseEpoch = (cause: string) => {
    flushes.record(1, cause)
    coherence.epoch++
    core.stats.epochs++
    core.flights.clear()
    core.refreshes.clear()
  }
  const bus = new Bus({
    connection, clock, coherence, receive: (operation, argument) => invalidations.receive(operation, argument), raiseEpoch,
  })
  const shared: CacheCore = { ...core, store: createRedisStore(connection, bus, coherence) }
  const invalidations = new Invalidations(shared)
  const stopWatching = [
    // The new master may not have replicated the last invalidations of this process, and no other process sends them again.
    watchTerm(connection, coherence, () => {
      raiseEpoch('failover')
      void invalidations.resendRecent()
    }),
    resendWhenBack(connection, invalidations),
  ]
  bus.start()
  return createEngine(shared, invalidations, scope, async () => {
    for (const stop of stopWatching) stop()
    invalidations.close()
    await bus.close()
  })
}

/** Returns a generator of write ids: eight random characters per process, then eight characters of a counter. */
function writeIds(): () => string {
  const head = randomBytes(6).toString('base64url')
  let count = 0
  return () => head + (count++).toString(36).padStart(8, '0')
}

/** Sends queued invalidations when Redis is back, and those of the last 60 s when a master of a Cluster was replaced. */
function resendWhenBack(connection: RedisConnection, invalidations: Invalidations): () => void {
  let known: string | undefined
  async function check(): Promise<void> {
    const masters = await masterIds(connection)
    const replaced = known !== undefined && masters !== known
    known = masters
    await (replaced ? invalidations.resendRecent() : invalidations.resend())
  }
  const checkQuietly = () => void (connection.isCluster ? check() : invalidations.resend()).catch(() => {})
  const timer = setInterval(checkQuietly, FAILOVER_CHECK)
  timer.unref()
  const stopListening = connection.onAvailability(available => available && checkQuietly())
  checkQuietly()
  return () => {
    clearInterval(timer)
    stopListening()
  }
}

/** Returns the run ids of all masters. They change after a restart or a failover. */
async function masterIds(connection: RedisConnection): Promise<string> {
  const infos = await connection.run(() => Promise.all(connection.masters().map(master => master.info('server'))))
  return infos.map(info => /run_id:(\w+)/.exec(info)?.[1] ?? '').sort().join()
}
