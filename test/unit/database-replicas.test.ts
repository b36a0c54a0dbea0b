import { describe, expect, it } from 'vitest'
import { createReplicaSet } from '../../src/runtime/server/database/replicas'
import { isSafeMethod, isSticky, stickyCookie } from '../../src/runtime/server/database/sticky'
import { createFakeClock, settle } from '../support/fake-clock'

describe('replicas', () => {
  it('are used in turn once they were reached, skipped when they fail, and looked at again after a pause', async () => {
    const clock = createFakeClock()
    const down = new Set(['b'])
    const probes: string[] = []
    const set = createReplicaSet({
      specs: ['a', 'b', 'c'].map(name => ({ name, url: `postgresql://${name}/shop` })),
      probe: async ({ name }) => {
        probes.push(name)
        if (down.has(name)) throw new Error('refused')
      },
      pause: 5000,
      clock,
    })
    expect(set.pick()).toBeUndefined()
    await settle()
    expect([1, 2, 3, 4].map(() => set.pick()?.name)).toEqual(['a', 'c', 'a', 'c'])
    expect(probes).toEqual(['a', 'b', 'c'])
    down.delete('b')
    down.add('a')
    await clock.advance(4999)
    set.pick()
    expect(probes).toHaveLength(3)
    await clock.advance(1)
    set.pick()
    await settle()
    expect(probes).toHaveLength(6)
    expect(new Set([1, 2, 3, 4].map(() => set.pick()?.name))).toEqual(new Set(['b', 'c']))
  })

  it('leave the reads to the primary when none works', async () => {
    const set = createReplicaSet({ specs: [{ name: 'a', url: 'x:' }], probe: () => Promise.reject(new Error('refused')) })
    await settle()
    expect(set.pick()).toBeUndefined()
  })
})

describe('the cookie of those who wrote', () => {
  const cookie = stickyCookie('secret', 1_000_000, true)
  const value = cookie.split(';')[0]!

  it('holds for two seconds, among other cookies, and is hidden from scripts', () => {
    expect(cookie).toMatch(/; Max-Age=2; Path=\/; HttpOnly; SameSite=Lax; Secure$/)
    expect(stickyCookie('secret', 0, false)).not.toContain('Secure')
    expect(isSticky(value, 'secret', 1_000_001)).toBe(true)
    expect(isSticky(`theme=dark; ${value}; lang=en`, 'secret', 1_001_999)).toBe(true)
    expect(isSticky(value, 'secret', 1_002_000)).toBe(false)
  })

  it.each([
    ['another secret', value, 'guess'],
    ['a later time', value.replace('1002000', '1002001'), 'secret'],
    ['a time far away', stickyCookie('secret', 9_000_000, true).split(';')[0], 'secret'],
    ['no signature', 'scale-primary=1002000.', 'secret'],
    ['another name', value.replace('scale-', 'x-scale-'), 'secret'],
    ['nothing', undefined, 'secret'],
  ])('is refused with %s', (_, header, secret) => expect(isSticky(header, secret, 1_000_001)).toBe(false))

  it('follows methods that may write', () => {
    expect(['GET', 'head', 'OPTIONS', undefined].map(isSafeMethod)).toEqual([true, true, true, true])
    expect(['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY'].map(isSafeMethod)).toEqual([false, false, false, false, false])
  })
})
