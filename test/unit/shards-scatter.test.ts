import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import type { PartialResult } from '../../src/runtime/server/shards/scatter'
import { scatterOver as scatter } from '../../src/runtime/server/shards/scatter'
import type { ScatterError } from '../../src/runtime/server/shards/scatter-error'

const eight = Array.from({ length: 8 }, (_, index) => `shard${index}`)
const never = () => new Promise<never>(() => {})

const unhandled: unknown[] = []
const warnings: unknown[] = []
const onUnhandled = (reason: unknown) => void unhandled.push(reason)
const onWarning = (warning: unknown) => void warnings.push(warning)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  process.on('unhandledRejection', onUnhandled)
  process.on('warning', onWarning)
})

afterEach(async () => {
  // Whatever happened, no timer is left and nobody's rejection is lost.
  const timers = vi.getTimerCount()
  vi.useRealTimers()
  await sleep(0)
  process.off('unhandledRejection', onUnhandled)
  process.off('warning', onWarning)
  expect([timers, unhandled.splice(0), warnings.splice(0)]).toEqual([0, [], []])
})

/** Waits until everything that can go on has gone on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve()
}

describe('all shards answer', () => {
  it('with their values in the order of the shards', async () => {
    const turns = eight.map((_, index) => 8 - index)
    const asked = scatter(eight, async (shard) => {
      for (let turn = turns[eight.indexOf(shard)]!; turn > 0; turn--) await Promise.resolve()
      return shard.toUpperCase()
    })
    expect(await asked).toEqual(eight.map(shard => shard.toUpperCase()))
  })

  it('with one merged result', async () => {
    const merged = scatter(['eu', 'us'], shard => [shard, shard.length], { merge: (values, shards) => ({ list: values.flat(), shards }) })
    expectTypeOf(merged).resolves.toEqualTypeOf<{ list: (string | number)[], shards: string[] }>()
    expect(await merged).toEqual({ list: ['eu', 2, 'us', 2], shards: ['eu', 'us'] })
  })

  it('with a result that says that nothing is missing', async () => {
    const result = scatter(['eu'], () => 1, { onError: 'partial' })
    expectTypeOf(result).resolves.toEqualTypeOf<PartialResult<number[]>>()
    expect(await result).toEqual({ results: [1], errors: [], partial: false })
  })

  it('or there are none', async () => {
    expect(await scatter([], never)).toEqual([])
    expect(await scatter([], never, { onError: 'partial' })).toEqual({ results: [], errors: [], partial: false })
  })

  it('never more than the concurrency at a time', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1, max: 20 }), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 20, maxLength: 20 }), async (count, concurrency, turns) => {
      let running = 0
      let most = 0
      const shards = Array.from({ length: count }, (_, index) => `s${index}`)
      await scatter(shards, async (shard) => {
        most = Math.max(most, ++running)
        for (let turn = turns[shards.indexOf(shard)]!; turn > 0; turn--) await Promise.resolve()
        running--
      }, { concurrency })
      expect(most).toBe(Math.min(count, concurrency))
    }))
  })

  it('four at a time unless said otherwise, and a hundred when said so', async () => {
    const started: string[] = []
    const waiting = scatter(eight, (shard) => {
      started.push(shard)
      return never()
    }, { onError: 'partial', timeout: 1 }).catch(() => {})
    await settle()
    expect(started).toHaveLength(4)
    await vi.advanceTimersByTimeAsync(2000)
    await waiting
    const hundred = Array.from({ length: 100 }, (_, index) => `s${index}`)
    expect(await scatter(hundred, shard => shard, { concurrency: 100 })).toEqual(hundred)
  })
})

describe('a hung shard', () => {
  it('of eight costs its deadline, and the result is marked', async () => {
    const signals = new Map<string, AbortSignal>()
    let result: PartialResult<string[]> | undefined
    const asked = scatter(eight, (shard, signal) => {
      signals.set(shard, signal)
      return shard === 'shard2' ? never() : shard
    }, { onError: 'partial', timeout: '250ms' }).then(value => result = value)
    await vi.advanceTimersByTimeAsync(249)
    expect([signals.size, result]).toEqual([8, undefined])
    await vi.advanceTimersByTimeAsync(1)
    await asked
    expect(result).toMatchObject({ results: eight.filter(shard => shard !== 'shard2'), partial: true, errors: [{ shard: 'shard2', timedOut: true, message: 'The shard shard2 did not answer within 250 ms.' }] })
    expect(eight.filter(shard => signals.get(shard)!.aborted)).toEqual(['shard2'])
    expect(signals.get('shard2')!.reason).toBe(result!.errors[0])
  })

  it('fails the whole at its deadline, by default after five seconds', async () => {
    const asked = scatter(eight, shard => shard === 'shard7' ? never() : shard).catch((error: ScatterError) => error)
    await vi.advanceTimersByTimeAsync(4999)
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(await asked).toMatchObject({ name: 'ScatterError', shard: 'shard7', timedOut: true })
  })

  it('may answer or fail after its deadline without an effect', async () => {
    const late = Promise.withResolvers<string>()
    const failsLate = Promise.withResolvers<string>()
    const asked = scatter(['a', 'b', 'c'], shard => shard === 'a' ? late.promise : shard === 'b' ? failsLate.promise : shard, { onError: 'partial', timeout: '1s' })
    await vi.advanceTimersByTimeAsync(1000)
    late.resolve('a')
    failsLate.reject(new Error('too late'))
    expect(await asked).toMatchObject({ results: ['c'], errors: [{ shard: 'a' }, { shard: 'b' }], partial: true })
  })

  it('is counted from when it is asked, not from the beginning', async () => {
    const asked = scatter(['a', 'b'], async () => {
      await new Promise(resolve => setTimeout(resolve, 800))
      return 1
    }, { concurrency: 1, timeout: 1 })
    await vi.advanceTimersByTimeAsync(1600)
    expect(await asked).toEqual([1, 1])
  })
})

describe('a failed shard', () => {
  it('ends the whole at once: others are aborted, and nobody else is asked', async () => {
    const signals = new Map<string, AbortSignal>()
    const broken = Promise.withResolvers<never>()
    const asked = scatter(eight, (shard, signal) => {
      signals.set(shard, signal)
      return shard === 'shard1' ? broken.promise : never()
    }).catch((error: ScatterError) => error)
    await settle()
    expect(vi.getTimerCount()).toBe(4)
    const cause = new Error('connection refused at 10.0.0.1')
    broken.reject(cause)
    const error = await asked
    expect(error).toMatchObject({ shard: 'shard1', timedOut: false, message: 'The shard shard1 failed: see the cause of this error.', cause })
    await settle()
    expect([...signals.keys()]).toEqual(['shard0', 'shard1', 'shard2', 'shard3'])
    expect(['shard0', 'shard2', 'shard3'].map(shard => signals.get(shard)!.reason)).toEqual([error, error, error])
  })

  it('that throws at once has failed like any other, and later shards stay unasked', async () => {
    const asked: string[] = []
    const error = await scatter(eight, (shard) => {
      asked.push(shard)
      if (shard === 'shard0') throw new Error('broken')
      return shard
    }, { concurrency: 2 }).catch((error: ScatterError) => error)
    expect(error).toMatchObject({ shard: 'shard0' })
    await settle()
    expect(asked).toEqual(['shard0', 'shard1'])
  })

  it('leaves the others be when what came is wanted', async () => {
    const result = await scatter(eight, (shard) => {
      if (shard === 'shard0' || shard === 'shard5') throw new Error(shard)
      return shard
    }, { onError: 'partial', concurrency: 3, merge: (values, shards) => [values.length, ...shards] })
    expect(result.results).toEqual([6, 'shard1', 'shard2', 'shard3', 'shard4', 'shard6', 'shard7'])
    expect(result.errors.map(({ shard, cause }) => [shard, (cause as Error).message])).toEqual([['shard0', 'shard0'], ['shard5', 'shard5']])
    expect(result.partial).toBe(true)
  })

  it('is named in the order of the shards, however late it fails', async () => {
    const result = await scatter(['a', 'b', 'c', 'd'], async (shard) => {
      for (let turn = shard === 'a' ? 9 : shard === 'b' ? 6 : 1; turn > 0; turn--) await Promise.resolve()
      if (shard === 'a' || shard === 'c') throw new Error(shard)
      return shard
    }, { onError: 'partial' })
    expect([result.results, result.errors.map(({ shard }) => shard)]).toEqual([['b', 'd'], ['a', 'c']])
  })

  it('is no result when no other shard answers either', async () => {
    const failing = scatter(['a', 'b'], shard => Promise.reject(new Error(shard)), { onError: 'partial' })
    await expect(failing).rejects.toMatchObject({ shard: 'a' })
  })

  it('several of them reject once', async () => {
    const failing = scatter(eight, shard => Promise.reject(new Error(shard)), { concurrency: 8 })
    await expect(failing).rejects.toMatchObject({ shard: 'shard0' })
  })
})

it.each<[options: object, sentence: string]>([
  [{ concurrency: 0 }, 'scatter.concurrency is 0: write a whole number of at least 1.'],
  [{ timeout: 0 }, 'scatter.timeout is 0: write a time from \'1ms\' to \'1h\'.'],
  [{ timeout: '2h' }, 'scatter.timeout is "2h"'],
  [{ timeout: 'soon' }, 'scatter.timeout is "soon": write a number of seconds'],
  [{ onError: 'ignore' }, 'scatter.onError is "ignore": write \'fail\', \'partial\'.'],
  [{ timeoutMs: 5 }, 'scatter.timeoutMs is not an option'],
])('%j is refused before anybody is asked', async (options, sentence) => {
  const call = vi.fn()
  await expect(scatter(eight, call, options)).rejects.toThrow(sentence)
  expect(call).not.toHaveBeenCalled()
})
