import { expect, it } from 'vitest'
import { awaitFirstConnection } from '../../src/runtime/server/redis/first-connection'
import { ManualClock } from '../support/manual-clock.ts'

it('is pending until its end, and then takes its timer away', async () => {
  const clock = new ManualClock()
  const expired: string[] = []
  const first = awaitFirstConnection(1500, () => expired.push('expired'), clock)
  const { pending } = first
  expect(pending).toBeInstanceOf(Promise)
  first.end()
  first.end()
  await pending
  expect(first.pending).toBeUndefined()
  await clock.advance(1500)
  expect(expired).toEqual([])
})

it('says once that the limit is over', async () => {
  const clock = new ManualClock()
  const expired: string[] = []
  const first = awaitFirstConnection(1500, () => {
    expired.push('expired')
    first.end()
  }, clock)
  const { pending } = first
  await clock.advance(1499)
  expect(expired).toEqual([])
  await clock.advance(1)
  await pending
  expect(expired).toEqual(['expired'])
})
