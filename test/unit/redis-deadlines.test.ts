import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Call, Deadlines } from '../../src/runtime/server/redis/deadlines'
import { createCall, createDeadlines } from '../../src/runtime/server/redis/deadlines'

let deadlines: Deadlines
let expired: string[]

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] })
  deadlines = createDeadlines(100, (callback, milliseconds) => setTimeout(callback, milliseconds))
  expired = []
})

afterEach(() => {
  deadlines.close()
  vi.useRealTimers()
})

function start(name: string): Call {
  const call = createCall(() => expired.push(name))
  deadlines.add(call)
  return call
}

it('expires each call at its own time, in order', () => {
  start('a')
  vi.advanceTimersByTime(40)
  start('b')
  vi.advanceTimersByTime(59)
  expect(expired).toEqual([])
  vi.advanceTimersByTime(2)
  expect(expired).toEqual(['a'])
  vi.advanceTimersByTime(37)
  expect(expired).toEqual(['a'])
  vi.advanceTimersByTime(4)
  expect(expired).toEqual(['a', 'b'])
})

it.each([[0], [1], [2], [0, 1], [1, 2], [0, 2], [2, 1, 0], [0, 1, 2]])('does not expire what was removed: %j', (...removed) => {
  const names = ['a', 'b', 'c']
  const calls = names.map(start)
  removed.forEach(index => deadlines.remove(calls[index]!))
  removed.forEach(index => deadlines.remove(calls[index]!))
  vi.advanceTimersByTime(110)
  expect(expired).toEqual(names.filter((_, index) => !removed.includes(index)))
})

it('has one timer however many calls there are, and none when idle', () => {
  for (let index = 0; index < 1000; index++) {
    deadlines.remove(start('x'))
    start(`${index}`)
  }
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(110)
  expect(expired).toHaveLength(1000)
  expect(vi.getTimerCount()).toBe(0)
  start('again')
  vi.advanceTimersByTime(110)
  expect(expired.at(-1)).toBe('again')
})

it('starts the budget of a call that an expired one sets off', () => {
  deadlines.add(createCall(() => start('second')))
  vi.advanceTimersByTime(101)
  expect(expired).toEqual([])
  vi.advanceTimersByTime(102)
  expect(expired).toEqual(['second'])
})

it('lets the answers of a stalled process be read before it judges', () => {
  const call = start('a')
  setTimeout(() => setImmediate(() => deadlines.remove(call)), 0)
  vi.advanceTimersByTime(0)
  vi.advanceTimersToNextTimer()
  vi.advanceTimersByTime(200)
  expect(expired).toEqual([])
})

it('is quiet after close', () => {
  start('a')
  deadlines.close()
  vi.advanceTimersByTime(1000)
  expect(expired).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})
