import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { startRedis } from '../../test/support/redis.ts'
import { median, quantile } from '../support/statistics.ts'
import type { Check, Figure, Measure, MeasureContext } from '../support/types.ts'
import { check } from '../support/types.ts'
import type { Worker } from '../support/workers.ts'
import { startWorker } from '../support/workers.ts'
import type { CallerMethods, Contestant, Crowd } from '../workers/caller.ts'

const PROCESSES = 4
const CALLERS = 200
const LOAD_TIME = 200
const UNCACHEABLE_CALLERS = 40
const UNCACHEABLE_LOAD_TIME = 100
/** Milliseconds until all processes have got the word. */
const HEAD_START = 100
/** Milliseconds for a load in the background to end. */
const SETTLE = 500

const contestants: Record<Contestant, string> = {
  ours: 'ours',
  bentocache: 'bentocache',
  naive: 'naive helper',
  nitro: 'as plain Nitro on Redis',
}

/** What became of one crowd: loads of all processes, and what each caller waited in ms. */
interface Result { loads: number, waits: number[] }

/** Lets the callers of some processes start at one moment. */
type Gather = (crowd: Omit<Crowd, 'startsAt'>, processes?: number) => Promise<Result>

/** Many callers of one key in several processes at one moment. */
export const measure: Measure = {
  title: `${PROCESSES} processes × ${CALLERS} concurrent callers of one key, ${LOAD_TIME} ms to load`,
  rounds: 5,
  async run(context) {
    const server = await startRedis()
    context.defer(() => server.stop())
    const workers = await Promise.all(Array.from({ length: PROCESSES }, () => startWorker<CallerMethods>('caller.ts')))
    context.defer(() => Promise.all(workers.map(worker => worker.stop())))
    await Promise.all(workers.map(worker => worker.call('start', server.port)))
    const gather = createGather(server.client(), workers)

    const cold = await coldKey(context, gather)
    const expired = await expiredKey(context, gather)
    const uncacheable = await uncacheableKey(context, gather)
    return {
      figures: [...cold.figures, ...expired.figures, ...uncacheable.figures],
      checks: [...cold.checks, ...expired.checks, ...uncacheable.checks],
      notes: [
        'Loads are counted in Redis over all processes; a round has a key of its own.',
        'Uncacheable, cold: the load says so at its end; nobody knows before that, and only then may the others load for themselves, so its p50 cannot be below two loads. Told first: also unknown, but the load says so as it begins, as a response does with its headers. Known: a load of the last 10 s was uncacheable.',
      ],
    }
  },
}

interface Part { figures: Figure[], checks: Check[] }

async function coldKey({ rounds, progress }: MeasureContext, gather: Gather): Promise<Part> {
  const results: Record<Contestant, Result[]> = { ours: [], bentocache: [], naive: [], nitro: [] }
  for (let round = 1; round <= rounds; round++) {
    for (const [contestant, name] of Object.entries(contestants) as [Contestant, string][]) {
      progress(`round ${round} of ${rounds}, cold key: ${name}`)
      results[contestant].push(await gather({ contestant, key: `cold:${contestant}:${round}`, callers: CALLERS, loadTime: LOAD_TIME }))
    }
  }
  return {
    figures: (Object.keys(contestants) as Contestant[]).flatMap(contestant => describe(`cold, ${contestants[contestant]}`, results[contestant])),
    checks: [check('cold: most loads of ours', mostLoads(results.ours), 'at most', 1)],
  }
}

async function expiredKey({ rounds, progress }: MeasureContext, gather: Gather): Promise<Part> {
  const results: Result[] = []
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}, expired key`)
    const crowd = { contestant: 'ours', key: `expired:${round}`, callers: CALLERS, loadTime: LOAD_TIME, options: { ttl: '1s', staleTtl: 60, jitter: 0 } } as const
    await gather({ ...crowd, callers: 1 })
    // Past its ttl, which began with the write.
    await sleep(1100)
    results.push(await gather(crowd))
  }
  return {
    figures: describe('expired with staleTtl, ours', results),
    checks: [check('expired with staleTtl: most revalidations', mostLoads(results), 'at most', 1)],
  }
}

async function uncacheableKey({ rounds, progress }: MeasureContext, gather: Gather): Promise<Part> {
  const part: Part = { figures: [], checks: [] }
  for (const [processes, where] of [[1, '40 in one process'], [PROCESSES, '10 in each of 4 processes']] as const) {
    const results: Record<'told first' | 'cold' | 'known', Result[]> = { 'told first': [], 'cold': [], 'known': [] }
    for (let round = 1; round <= rounds; round++) {
      progress(`round ${round} of ${rounds}, uncacheable, ${where}`)
      const crowd = { contestant: 'ours', key: `uncacheable:${processes}:${round}`, callers: UNCACHEABLE_CALLERS / processes, loadTime: UNCACHEABLE_LOAD_TIME, uncacheable: 'last' } as const
      results['told first'].push(await gather({ ...crowd, key: `${crowd.key}:told`, uncacheable: 'first' }, processes))
      results.cold.push(await gather(crowd, processes))
      results.known.push(await gather(crowd, processes))
    }
    for (const [state, crowds] of Object.entries(results)) {
      part.figures.push(...describe(`uncacheable, ${state}, ${where}`, crowds))
      part.checks.push(check(`uncacheable, ${state}, ${where}: p50`, quantile(waits(crowds), 0.5), 'at most', 2 * UNCACHEABLE_LOAD_TIME, 'ms'))
    }
  }
  return part
}

function createGather(client: Redis, workers: Worker<CallerMethods>[]): Gather {
  const loadsOf = async (key: string) => Number(await client.get(`loads:${key}`))
  return async (crowd, processes = workers.length) => {
    const before = await loadsOf(crowd.key)
    const startsAt = process.hrtime.bigint() + BigInt(HEAD_START * 1e6)
    const waited = await Promise.all(workers.slice(0, processes).map(worker => worker.call('ask', { ...crowd, startsAt })))
    if (crowd.options?.staleTtl) await sleep(SETTLE)
    return { loads: await loadsOf(crowd.key) - before, waits: waited.flat() }
  }
}

function describe(name: string, results: Result[]): Figure[] {
  return [
    { name: `${name}: loads`, value: median(results.map(({ loads }) => loads)), unit: '' },
    { name: `${name}: wait, p50`, value: quantile(waits(results), 0.5), unit: 'ms' },
    { name: `${name}: wait, p99`, value: quantile(waits(results), 0.99), unit: 'ms' },
  ]
}

function waits(results: Result[]): number[] {
  return results.flatMap(result => result.waits)
}

function mostLoads(results: Result[]): number {
  return Math.max(...results.map(({ loads }) => loads))
}
