import { beforeEach, describe, expect, it } from 'vitest'
import type { CommandContext } from '../../src/runtime/server/redis/command-budget'
import { runOnceConnected, runWithinBudget } from '../../src/runtime/server/redis/command-budget'
import type { RedisClient } from '../../src/runtime/server/redis/types'
import { ManualClock, settle } from '../support/manual-clock.ts'

const client = {} as RedisClient

let clock: ManualClock
let seen: unknown[]
let refusal: Error | undefined
let context: CommandContext

beforeEach(() => {
  clock = new ManualClock()
  seen = []
  refusal = undefined
  context = {
    client,
    clock,
    patience: 100,
    refusal: () => refusal,
    answered: () => seen.push('answered'),
    expired: reason => seen.push(reason),
    failed: (error) => {
      seen.push(error)
      return new Error('judged')
    },
  }
})

/** An operation that the test ends. */
function pendingOperation() {
  const calls: RedisClient[] = []
  let answer!: (value: string) => void
  let fail!: (error: Error) => void
  const operation = (given: RedisClient) => {
    calls.push(given)
    return new Promise<string>((resolve, reject) => {
      answer = resolve
      fail = reject
    })
  }
  return { calls, operation, answer: (value: string) => answer(value), fail: (error: Error) => fail(error) }
}

/** A first attempt to connect that the test ends. */
function firstConnection() {
  let end!: () => void
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  return { ended, end }
}

describe('runWithinBudget', () => {
  it('passes the answer on and leaves no timer', async () => {
    const { calls, operation, answer } = pendingOperation()
    const call = runWithinBudget(context, operation, 100)
    expect(clock.timers.size).toBe(1)
    answer('value')
    expect(await call).toBe('value')
    expect(calls).toEqual([client])
    expect(seen).toEqual(['answered'])
    expect(clock.timers.size).toBe(0)
  })

  it('rejects with the judgement of an error and leaves no timer', async () => {
    const { operation, fail } = pendingOperation()
    const call = runWithinBudget(context, operation, 100)
    const error = new Error('original')
    fail(error)
    await expect(call).rejects.toThrow('judged')
    expect(seen).toEqual([error])
    expect(clock.timers.size).toBe(0)
  })

  it('treats an operation that throws like one that rejects', async () => {
    const error = new Error('thrown')
    await expect(runWithinBudget(context, () => {
      throw error
    }, 100)).rejects.toThrow('judged')
    expect(seen).toEqual([error])
    expect(clock.timers.size).toBe(0)
  })

  it('gives up when what is left is over, and names the whole budget', async () => {
    const { operation } = pendingOperation()
    context.patience = 40
    const call = runWithinBudget(context, operation, 100, 40)
    call.catch(() => {})
    await clock.advance(39)
    expect(seen).toEqual([])
    await clock.advance(1)
    await expect(call).rejects.toMatchObject({ code: 'REDIS_TIMEOUT', budget: 100 })
    expect(seen).toEqual(['no answer within 100 ms'])
  })

  it.each(['answer', 'fail'] as const)('ignores it when the operation ends late: %s', async (end) => {
    const pending = pendingOperation()
    const call = runWithinBudget(context, pending.operation, 100)
    call.catch(() => {})
    await clock.advance(100)
    if (end === 'answer') {
      pending.answer('late')
    }
    else {
      pending.fail(new Error('late'))
    }
    await settle()
    await expect(call).rejects.toMatchObject({ code: 'REDIS_TIMEOUT' })
    expect(seen).toEqual(['no answer within 100 ms'])
  })

  it.each(['answer', 'fail', 'silence'] as const)('tells the caller at its own deadline, and judges Redis by what comes within the time of the connection: %s', async (end) => {
    const pending = pendingOperation()
    const call = runWithinBudget(context, pending.operation, 30)
    call.catch(() => {})
    await clock.advance(30)
    await expect(call).rejects.toMatchObject({ code: 'REDIS_TIMEOUT', budget: 30 })
    expect(seen).toEqual([])
    await clock.advance(69)
    expect(seen).toEqual([])
    const error = new Error('late')
    if (end === 'answer') pending.answer('late')
    else if (end === 'fail') pending.fail(error)
    else await clock.advance(1)
    await settle()
    expect(seen).toEqual([{ answer: 'answered', fail: error, silence: 'no answer within 100 ms' }[end]])
    expect(clock.timers.size).toBe(0)
  })

  it('takes an answer that is read after the timer, but before the process has looked at its sockets', async () => {
    const { operation, answer } = pendingOperation()
    const call = runWithinBudget(context, operation, 100)
    const [timer] = [...clock.timers.values()]
    timer!.callback()
    answer('unread until now')
    expect(await call).toBe('unread until now')
    await clock.advance(100)
    expect(seen).toEqual(['answered'])
  })
})

describe('a stall of the process', () => {
  /** Lets the timer that waits come `late` ms too late. */
  async function ring(late: number): Promise<void> {
    const [[id, { due, callback }]] = [...clock.timers] as [[number, { due: number, callback: () => void }]]
    clock.timers.delete(id)
    clock.time = due + late
    callback()
    await clock.advance(0)
  }

  it('does not count, so that a call whose command has not left yet is not given up', async () => {
    const { operation, answer } = pendingOperation()
    const call = runWithinBudget(context, operation, 100)
    await ring(600)
    await ring(600)
    answer('value')
    expect(await call).toBe('value')
    expect(seen).toEqual(['answered'])
    expect(clock.timers.size).toBe(0)
  })

  it('is forgiven three times', async () => {
    const { operation } = pendingOperation()
    const outcome = runWithinBudget(context, operation, 100).catch((error: unknown) => error)
    for (let stalls = 0; stalls < 3; stalls++) await ring(600)
    expect(seen).toEqual([])
    await ring(600)
    expect(await outcome).toMatchObject({ code: 'REDIS_TIMEOUT', budget: 100 })
    expect(seen).toEqual(['no answer within 100 ms'])
  })
})

describe('runOnceConnected', () => {
  it('makes the call with what the wait has left of the budget', async () => {
    const { calls, operation } = pendingOperation()
    const first = firstConnection()
    const call = runOnceConnected(context, first.ended, operation, 100)
    call.catch(() => {})
    await clock.advance(60)
    expect(calls).toEqual([])
    first.end()
    await settle()
    expect(calls).toEqual([client])
    await clock.advance(39)
    expect(seen).toEqual([])
    await clock.advance(1)
    await expect(call).rejects.toMatchObject({ code: 'REDIS_TIMEOUT', budget: 100 })
  })

  it('passes the answer on', async () => {
    const call = runOnceConnected(context, Promise.resolve(), async () => 'value', 100)
    expect(await call).toBe('value')
    expect(clock.timers.size).toBe(0)
  })

  it('gives up during the wait without blaming Redis, and never makes the call', async () => {
    const { calls, operation } = pendingOperation()
    const first = firstConnection()
    const call = runOnceConnected(context, first.ended, operation, 100)
    call.catch(() => {})
    await clock.advance(100)
    first.end()
    await settle()
    await expect(call).rejects.toMatchObject({ code: 'REDIS_TIMEOUT', budget: 100 })
    expect(calls).toEqual([])
    expect(seen).toEqual([])
  })

  it('gives up when the process stalled past the budget before it saw the connection', async () => {
    const { calls, operation } = pendingOperation()
    const first = firstConnection()
    const outcome = runOnceConnected(context, first.ended, operation, 100).catch((error: unknown) => error)
    clock.time = 150
    first.end()
    expect(await Promise.race([outcome, settle().then(() => 'hangs')])).toMatchObject({ code: 'REDIS_TIMEOUT', budget: 100 })
    expect(calls).toEqual([])
  })

  it('rejects when the first attempt has failed', async () => {
    const { calls, operation } = pendingOperation()
    refusal = new Error('not available')
    await expect(runOnceConnected(context, Promise.resolve(), operation, 100)).rejects.toBe(refusal)
    expect(calls).toEqual([])
    expect(clock.timers.size).toBe(0)
  })
})
