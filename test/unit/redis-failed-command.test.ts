import { beforeEach, expect, it } from 'vitest'
import type { FailedCommandContext } from '../../src/runtime/server/redis/command-budget'
import { judgeFailedCommand } from '../../src/runtime/server/redis/command-budget'

let told: string[]

beforeEach(() => {
  told = []
})

function judge(error: unknown, status = 'ready'): unknown {
  const context = {
    client: { status },
    breaker: {
      succeeded: () => told.push('succeeded'),
      failed: (reason: string) => told.push(`failed: ${reason}`),
      trip: (reason: string) => told.push(`trip: ${reason}`),
    },
    demoted: () => told.push('demoted'),
  }
  return judgeFailedCommand(error, context as FailedCommandContext)
}

it('takes an error reply for an answer and passes it on', () => {
  const error = Object.assign(new Error('WRONGTYPE Operation against a key holding the wrong kind of value'), { name: 'ReplyError' })
  expect(judge(error)).toBe(error)
  expect(told).toEqual(['succeeded'])
})

it.each([new TypeError('a fault of the caller'), 'not an error', undefined])('passes on what says nothing about Redis: %o', (error) => {
  expect(judge(error)).toBe(error)
  expect(told).toEqual([])
})

it('counts a fault of a client that is ready', () => {
  expect(judge(new Error('LOADING Redis is loading'))).toMatchObject({ code: 'REDIS_UNAVAILABLE', message: 'Redis is not available (LOADING Redis is loading).' })
  expect(told).toEqual(['failed: LOADING Redis is loading'])
})

it('opens the breaker at once when the client is not ready', () => {
  expect(judge(new Error('Connection is closed.'), 'reconnecting')).toMatchObject({ code: 'REDIS_UNAVAILABLE' })
  expect(told).toEqual(['trip: Connection is closed.'])
})

it('opens the breaker at once, and doubts the master, when a write was refused', () => {
  expect(judge(new Error('READONLY You can\'t write against a read only replica.'))).toMatchObject({ code: 'REDIS_UNAVAILABLE' })
  expect(told).toEqual(['demoted', 'trip: READONLY You can\'t write against a read only replica.'])
})
