import { beforeEach, expect, it } from 'vitest'
import type { AvailabilityListeners } from '../../src/runtime/server/redis/availability'
import { createAvailabilityListeners } from '../../src/runtime/server/redis/availability'

let lines: string[]
let news: AvailabilityListeners

beforeEach(() => {
  lines = []
  news = createAvailabilityListeners('redis://h:6379/0', {
    info: message => lines.push(`info: ${message}`),
    warn: message => lines.push(`warn: ${message}`),
  })
})

it('writes one line for a loss and one for the return', () => {
  news.announce(false, 'connect ECONNREFUSED')
  news.announce(true, 'connect ECONNREFUSED')
  expect(lines).toEqual([
    'warn: Redis at redis://h:6379/0 is not available: connect ECONNREFUSED',
    'info: Redis at redis://h:6379/0 is available again.',
  ])
})

it('tells every listener, also after one that throws', () => {
  const heard: boolean[] = []
  news.listen(() => {
    throw new Error('broken')
  })
  news.listen(available => heard.push(available))
  news.announce(true, '')
  expect(heard).toEqual([true])
  expect(lines.at(-1)).toBe('warn: A listener for the availability of Redis failed: broken')
})

it('tells a listener that stops, or is forgotten, nothing more', () => {
  const heard: string[] = []
  const stop = news.listen(() => heard.push('first'))
  news.listen(() => heard.push('second'))
  stop()
  news.announce(true, '')
  news.clear()
  news.announce(false, 'x')
  expect(heard).toEqual(['second'])
})

it('lets a listener stop itself and add another during an announcement', () => {
  const heard: string[] = []
  const stop = news.listen(() => {
    heard.push('first')
    stop()
    news.listen(() => heard.push('added'))
  })
  news.announce(true, '')
  expect(heard).toEqual(['first'])
  news.announce(true, '')
  expect(heard).toEqual(['first', 'added'])
})
