import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { withDeadline } from '../../src/runtime/server/core/deadline'
import { startEmbeddedCache } from '../support/cache'

const late = () => new Error('late')

describe('a deadline', () => {
  it('gives what comes in time, and the error of what fails in time', async () => {
    expect(await withDeadline(delay(5, 'value'), 1000, late)).toBe('value')
    await expect(withDeadline(Promise.reject(new Error('broken')), 1000, late)).rejects.toThrow('broken')
  })

  it('ends the wait for what comes too late', async () => {
    const start = performance.now()
    await expect(withDeadline(new Promise(() => {}), 20, late)).rejects.toThrow('late')
    expect(performance.now() - start).toBeLessThan(1000)
  })

  it('of more days than a timer can hold is no deadline of a millisecond', async () => {
    expect(await withDeadline(delay(30, 'value'), 30 * 86_400_000, late)).toBe('value')
    const engine = startEmbeddedCache({ timeout: '30d' })
    expect(await engine.get('slow', () => delay(30, 'loaded'))).toBe('loaded')
    await engine.close()
  })
})
