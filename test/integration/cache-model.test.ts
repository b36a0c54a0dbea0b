import process from 'node:process'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SingleFlight, SingleFlights } from '../../src/runtime/server/cache/single-flights'
import { SHARED_TERM } from '../../src/runtime/server/cache/term'
import { CacheModel, tellingEvents } from '../support/cache-model'
import type { RunReport } from '../support/cache-model'
import { modelServers, startClusterModelProcess, startEmbeddedModelProcess, startModelProcess } from '../support/cache-model-processes'
import { schedules } from '../support/cache-model-schedule'
import type { Fault, Schedule, ScheduleOptions } from '../support/cache-model-schedule'
import { auditLeases } from '../support/lease-audit'
import type { LeaseAudit } from '../support/lease-audit'
import type { CacheProcess } from '../support/cache'
import { startCacheProcess } from '../support/cache'
import type { LoadContext } from '../../src/runtime/server/cache/types'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import { startRedisCluster } from '../support/redis-cluster'
import { trackUnhandledRejections, waitFor } from '../support/wait'
import type { UnhandledRejections } from '../support/wait'

/**
 * The engine against a model of what a caller may get: random reads, writes and faults in several processes on a real Redis.
 * `SEED=… RUNS=…` explore; a failure prints its seed, the shrunk schedule and what happened in it.
 */
const SEED = Number(process.env.SEED ?? 20_251_123)
const RUNS = process.env.RUNS === undefined ? undefined : Number(process.env.RUNS)
const TIMEOUT = RUNS === undefined ? 120_000 : 3_600_000
/** ms after which a failing schedule is not shrunk any further. */
const SHRINKING = 60_000
const LAST_EVENTS = 60

let rejections: UnhandledRejections
let resources: number

/** Sockets, servers and timers that keep this process alive. */
function openResources(): number {
  return process.getActiveResourcesInfo().filter(name => /^TCP|^Timeout$/.test(name)).length
}

beforeAll(() => {
  rejections = trackUnhandledRejections()
  resources = openResources()
})

afterAll(async () => {
  // Waiters, deadlines and renewals are timers: none may outlive its call.
  await waitFor(() => openResources() <= resources, { timeout: 10_000, message: 'the sockets and timers of closed caches to be gone' })
  rejections.stop()
  expect(rejections.list).toEqual([])
})

interface Play {
  model: CacheModel
  options: ScheduleOptions
  runs: number
  audits?: LeaseAudit[]
  /** Whether to look for a smaller schedule that fails. Not worth its time for long ones. Default true. */
  shrink?: boolean
  /** Judges a run further. Returns what is wrong. */
  judge?: (report: RunReport) => string[]
}

/** Plays random schedules and returns the sums of what happened. */
async function play({ model, options, runs, audits = [], shrink = true, judge }: Play): Promise<Omit<RunReport, 'events'>> {
  const sum: RunReport = { violations: [], sources: {}, loads: 0, confirmed: 0, refused: 0, overloaded: [], events: [] }
  let failedAt: number | undefined
  const property = fc.asyncProperty(schedules(options), async (schedule: Schedule) => {
    if (failedAt !== undefined && performance.now() - failedAt > SHRINKING) return
    const report = await model.run(schedule)
    const violations = [...report.violations, ...audits.flatMap(audit => audit.violations.splice(0)), ...judge?.(report) ?? []]
    for (const [source, count] of Object.entries(report.sources)) sum.sources[source as 'l1'] = (sum.sources[source as 'l1'] ?? 0) + count
    sum.loads += report.loads
    sum.confirmed += report.confirmed
    sum.refused += report.refused
    if (violations.length === 0) return
    failedAt ??= performance.now()
    throw new Error(`${violations.slice(0, 10).join('\n')}\n${tellingEvents(report, LAST_EVENTS).join('\n')}`)
  })
  await fc.assert(property, { seed: SEED, numRuns: RUNS ?? runs, endOnFailure: !shrink, includeErrorInReport: true })
  if (process.env.SHOW) console.log(options.span, JSON.stringify(sum), audits.map(({ writes, leases }) => ({ writes, leases })))
  return sum
}

const LOSSES: Fault['fault'][] = ['evict entry', 'evict lease', 'evict tag', 'flush']
const ARGUMENTS = ['--enable-debug-command', 'yes']

/** Keys of others, so that a sweep takes several steps and much can come between its two passes. */
async function fill(redis: RedisServer): Promise<void> {
  const client = redis.client()
  await Promise.all(Array.from({ length: 3000 }, (_, index) => client.set(`other:${index}`, '', 'PX', 3_600_000)))
  client.disconnect()
}

describe.concurrent('the cache keeps its promises', () => {
  async function withProcesses<T>(count: number, commandTimeout: string, use: (model: CacheModel, audit: LeaseAudit, redis: RedisServer) => Promise<T>): Promise<T> {
    const redis = await startRedis({ args: ARGUMENTS })
    const audit = await auditLeases(redis)
    const processes = await Promise.all(Array.from({ length: count }, () => startModelProcess(redis, commandTimeout)))
    const model = new CacheModel({ processes, servers: modelServers([redis]) })
    try {
      return await use(model, audit, redis)
    }
    finally {
      await model.close()
      audit.stop()
      await redis.stop()
    }
  }

  it('and loads once a miss, while nothing fails', async () => {
    await withProcesses(4, '5s', async (model, audit, redis) => {
      await fill(redis)
      const sum = await play({
        model,
        options: { processes: 4, span: 120, steps: 80, calm: true },
        runs: 30,
        audits: [audit],
        judge: ({ overloaded }) => overloaded,
      })
      expect(sum.refused).toBe(0)
      expect(audit.writes).toBeGreaterThan(0)
    })
  }, TIMEOUT)

  it('when loads fail or are not to be stored, Redis loses keys and messages come late', async () => {
    await withProcesses(4, '1s', async (model, audit) => {
      await play({ model, options: { processes: 4, span: 120, steps: 80, faults: [...LOSSES, 'delay subscriber', 'cut subscriber'], longestFault: 150 }, runs: 40, audits: [audit] })
      expect(audit.writes).toBeGreaterThan(0)
    })
  }, TIMEOUT)

  it('when connections and servers fail', async () => {
    await withProcesses(4, '250ms', async (model, audit) => {
      await play({
        model,
        options: {
          processes: 4,
          span: 5000,
          steps: 1200,
          faultShare: 2,
          writeShare: 5,
          goodLoaders: 150,
          // Longer than the silence that L1 tolerates.
          always: [
            { at: 200, does: 'fault', fault: 'half-open subscriber', process: 0, lasting: 4300 },
            { at: 500, does: 'fault', fault: 'delay subscriber', process: 1, lasting: 3900 },
          ],
          longestFault: 4500,
          faults: [
            ...LOSSES,
            'cut subscriber', 'delay subscriber', 'half-open subscriber', 'half-open subscriber',
            'cut commands', 'freeze commands', 'cut all', 'half-open', 'refuse', 'pause', 'sleep', 'restart',
          ],
        },
        runs: 4,
        audits: [audit],
        shrink: false,
      })
    })
  }, TIMEOUT)

  it('embedded in one process', async () => {
    const model = new CacheModel({ processes: [startEmbeddedModelProcess()] })
    await play({ model, options: { processes: 1, span: 120, steps: 60 }, runs: 40 })
    await model.close()
  }, TIMEOUT)

  it('on a Cluster of three masters', async () => {
    const cluster = await startRedisCluster({ masters: 3, args: ARGUMENTS })
    const audits = await Promise.all(cluster.nodes.map(node => auditLeases(node)))
    const processes = await Promise.all(Array.from({ length: 3 }, () => startClusterModelProcess(cluster.startupNodes, '2s')))
    const model = new CacheModel({ processes, servers: modelServers(cluster.nodes) })
    try {
      await play({ model, options: { processes: 3, span: 150, steps: 60, faults: [...LOSSES, 'pause', 'cut all subscribers'], faultShare: 4 }, runs: 20, audits })
    }
    finally {
      await model.close()
      audits.forEach(audit => audit.stop())
      await cluster.stop()
    }
  }, TIMEOUT)
})

describe('what the model found stays mended', () => {
  let redis: RedisServer
  let processes: CacheProcess[]

  beforeEach(async () => {
    redis = await startRedis()
    processes = await Promise.all(Array.from({ length: 4 }, () => startCacheProcess({ redis: { url: redis.url } })))
  })

  afterEach(async () => {
    await Promise.all(processes.map(process => process.close()))
    await redis.stop()
  })

  /** A loader that reads the source, waits for `until` and names its tag last. */
  const tagsLate = (read: () => number, until: () => Promise<unknown> | undefined) => async (context: LoadContext) => {
    const version = read()
    await until()
    context.addTags(['tag'])
    return version
  }

  it('a tag that the old entry names as well is stored again', async () => {
    const { engine } = processes[0]!
    for (let version = 1; version <= 3; version++) {
      expect(await engine.get('key', tagsLate(() => version, () => undefined))).toBe(version)
      await engine.invalidateTags('tag', { strict: true })
    }
  })

  it('nobody joins an unwritten load whose tag was invalidated before it was named', async () => {
    const { engine } = processes[0]!
    await expect(engine.get('key', () => Promise.reject(new Error('the source failed')))).rejects.toThrow('the source failed')
    // The marker of the failure makes this one load without a lease.
    await waitFor(async () => await redis.client().get('scale:lease:{key}') === 'failed')
    let version = 1
    const { promise: invalidated, resolve: invalidate } = Promise.withResolvers<undefined>()
    const began = Promise.withResolvers<undefined>()
    const load = tagsLate(() => {
      began.resolve(undefined)
      return version
    }, () => invalidated)
    const before = engine.get('key', load)
    await began.promise
    version = 2
    await engine.invalidateTags('tag', { strict: true })
    const after = engine.get('key', load)
    invalidate(undefined)
    expect([await before, await after]).toEqual([1, 2])
  })

  it('nobody joins a load that another invalidation marked after its tag was invalidated', async () => {
    const { engine } = processes[0]!
    let version = 1
    const { promise: invalidated, resolve: invalidate } = Promise.withResolvers<undefined>()
    const began = Promise.withResolvers<undefined>()
    const load = tagsLate(() => {
      began.resolve(undefined)
      return version
    }, () => invalidated)
    const before = engine.get('key', load)
    await began.promise
    version = 2
    await engine.invalidateTags('tag', { strict: true })
    const after = engine.get('key', load)
    await engine.invalidate('key', { strict: true })
    invalidate(undefined)
    expect([await before, await after]).toEqual([1, 2])
  })

  it.each([
    ['hears late', { evicted: false, knows: false }],
    ['knows that it is deaf, when Redis lost its version', { evicted: true, knows: true }],
    ['does not know yet that it is deaf, when Redis lost its version', { evicted: true, knows: false }],
  ])('a tag that is named last is not stored by a process that %s', async (_, { evicted, knows }) => {
    const deaf = await startModelProcess(redis, '250ms')
    const { engine } = processes[0]!
    try {
      let version = 1
      const { promise: invalidated, resolve: invalidate } = Promise.withResolvers<undefined>()
      const began = Promise.withResolvers<undefined>()
      const load = tagsLate(() => {
        began.resolve(undefined)
        return version
      }, () => invalidated)
      if (knows) deaf.disturb!({ fault: 'cut subscriber', process: 0 })
      const mend = deaf.disturb!({ fault: 'delay subscriber', process: 0, lasting: 0 })!
      if (knows) await waitFor(() => !deaf.engine.live)
      const first = deaf.engine.get('key', load)
      await began.promise
      version = 2
      await engine.invalidateTags('tag', { strict: true })
      if (evicted) await redis.client().unlink('scale:tag:{tag}')
      invalidate(undefined)
      expect(await first).toBe(1)
      await mend()
      expect(await engine.get('key', load)).toBe(2)
    }
    finally {
      await deaf.close()
    }
  })

  it('an invalidation costs one more load, however many processes wait', async () => {
    let loads = 0
    const { promise: invalidated, resolve: invalidate } = Promise.withResolvers<undefined>()
    const load = async () => {
      if (++loads === 1) await invalidated
      return loads
    }
    const answers = processes.map(({ engine }) => engine.get('key', load))
    await waitFor(() => loads === 1)
    // All others have lost the lease and wait.
    await waitFor(async () => Number((await redis.client().info('commandstats')).match(/cmdstat_getrange:calls=(\d+)/)?.[1]) >= processes.length)
    await processes[0]!.engine.invalidate('key', { strict: true })
    invalidate(undefined)
    await Promise.all(answers)
    expect(loads).toBe(2)
  })

  it('a get that finds a peek under way does not load a fresh value again', async () => {
    const [writer, reader] = processes as [CacheProcess, CacheProcess]
    let loads = 0
    const load = () => ++loads
    await writer.engine.get('key', load)
    const peeked = reader.engine.peek('key')
    expect([await reader.engine.get('key', load), await peeked]).toEqual([1, 1])
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(loads).toBe(1)
  })

  it('flights that are over are forgotten although newer ones overlap them', () => {
    const flights = new SingleFlights()
    let last = new SingleFlight('key', 0, 0, 0, [], SHARED_TERM)
    flights.begin(last)
    for (let count = 0; count < 1000; count++) {
      const next = new SingleFlight('key', 0, 0, 0, [], SHARED_TERM)
      flights.begin(next)
      flights.end(last)
      last = next
    }
    let kept = 0
    for (let flight = flights.get('key'); flight; flight = flight.older) kept++
    expect(kept).toBeLessThan(5)
  })
})
