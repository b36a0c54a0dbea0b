import { describe, expect, it } from 'vitest'
import { runInContext } from '../../src/runtime/server/request/call-context'
import { copyFor, isSafeMethod, isSticky, stickyCookie } from '../../src/runtime/server/database/read-your-writes'
import { createReplicaSets } from '../../src/runtime/server/database/replica-sets'
import { createReplicaSet } from '../../src/runtime/server/database/replicas'
import { createLeaseScope, createUser } from '../../src/runtime/server/database/lease-scope'
import { ManualClock, settle } from '../support/manual-clock'

describe('replicas', () => {
  it('are used in turn once they were reached, skipped when they fail, and looked at again after a pause', async () => {
    const clock = new ManualClock()
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

describe('the copy that a call gets', () => {
  const key = Buffer.from('key of the copies')
  const primary = { name: 'acme', url: 'postgresql://p/shop', schema: 'acme', replicas: ['postgresql://r1/shop', 'postgresql://r2/shop'] }
  const warnings: string[] = []
  const replicas = createReplicaSets({ hasKey: true, probe: async () => {}, warn: sentence => warnings.push(sentence) })
  const scopeOf = (method: string | undefined, cookie?: string) => createLeaseScope({ method }, createUser(cookie, () => {}))
  const copy = (role: 'reader' | 'writer' | 'auto', scope?: ReturnType<typeof createLeaseScope>) => copyFor(primary, role, scope, { replicas, key }).name

  it('is a replica with the schema of the primary, in turn, where one is asked for', async () => {
    expect(copy('reader')).toBe('acme')
    await settle()
    expect([copy('reader'), copy('reader'), copy('reader')]).toEqual(['acme replica 1', 'acme replica 2', 'acme replica 1'])
    expect(copyFor(primary, 'reader', undefined, { replicas, key })).toMatchObject({ schema: 'acme', role: 'reader' })
    expect([copy('writer'), copy('auto'), copy('auto', scopeOf('POST')), copy('writer', scopeOf('GET'))]).toEqual(['acme', 'acme', 'acme', 'acme'])
    expect(copy('auto', scopeOf('GET'))).toMatch('replica')
  })

  it('is the primary after a write of that user: in the request, in what it starts inside the server, and in the next ones', () => {
    let cookies = 0
    const user = createUser(undefined, () => cookies++)
    const scope = createLeaseScope({ method: 'POST' }, user)
    expect(copy('reader', scope)).toMatch('replica')
    runInContext({ leases: scope }, () => expect(copy('writer', createLeaseScope())).toBe('acme'))
    expect([copy('reader', scope), copy('reader', createLeaseScope({ method: 'GET' }, user)), cookies]).toEqual(['acme', 'acme', 1])
    copy('writer', scope)
    expect(cookies).toBe(1)
    const cookie = stickyCookie(key, Date.now(), false).split(';')[0]
    expect(copy('reader', scopeOf('GET', cookie))).toBe('acme')
    expect(copy('reader', scopeOf('GET', stickyCookie(Buffer.from('another one'), Date.now(), false).split(';')[0]))).toMatch('replica')
  })

  it('is remembered for each database, and another list is another set', async () => {
    expect(replicas.of(primary)).toBe(replicas.of({ ...primary }))
    expect(replicas.of({ ...primary, schema: 'globex' })).not.toBe(replicas.of(primary))
    expect(replicas.of({ ...primary, replicas: ['postgresql://r3/shop'] })?.specs).toMatchObject([{ url: 'postgresql://r3/shop' }])
    expect(replicas.of({ ...primary, replicas: [] })).toBeUndefined()
    expect(warnings).toEqual([])
  })

  it('is never a replica without a secret, which is said once', () => {
    const unsigned = createReplicaSets({ hasKey: false, probe: async () => {}, warn: sentence => warnings.push(sentence) })
    expect([copyFor(primary, 'reader', undefined, { replicas: unsigned, key: undefined }), copyFor(primary, 'reader', undefined, { replicas: unsigned, key: undefined })]).toEqual([primary, primary])
    expect(warnings).toEqual([expect.stringMatching(/^Read replicas are not used.*NUXT_SCALE_SECRET/)])
  })
})

describe('the cookie of those who wrote', () => {
  const key = Buffer.from('secret')
  const cookie = stickyCookie(key, 1_000_000, true)
  const value = cookie.split(';')[0]!

  it('holds for two seconds, among other cookies, and is hidden from scripts', () => {
    expect(cookie).toMatch(/; Max-Age=2; Path=\/; HttpOnly; SameSite=Lax; Secure$/)
    expect(stickyCookie(key, 0, false)).not.toContain('Secure')
    expect(isSticky(value, key, 1_000_001)).toBe(true)
    expect(isSticky(`theme=dark; ${value}; lang=en`, key, 1_001_999)).toBe(true)
    expect(isSticky(value, key, 1_002_000)).toBe(false)
  })

  it.each([
    ['another secret', value, Buffer.from('guess')],
    ['a later time', value.replace('1002000', '1002001'), key],
    ['a time far away', stickyCookie(key, 9_000_000, true).split(';')[0], key],
    ['no signature', 'scale-primary=1002000.', key],
    ['another name', value.replace('scale-', 'x-scale-'), key],
    ['nothing', undefined, key],
  ])('is refused with %s', (_, header, key) => expect(isSticky(header, key, 1_000_001)).toBe(false))

  it('follows methods that may write', () => {
    expect(['GET', 'head', 'OPTIONS', undefined].map(isSafeMethod)).toEqual([true, true, true, true])
    expect(['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY'].map(isSafeMethod)).toEqual([false, false, false, false, false])
  })
})
