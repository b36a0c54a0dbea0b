import { describe, expect, it } from 'vitest'
import { compilePathRules } from '../../src/runtime/server/core/paths'
import { rateLimitSettings, stricterRateLimit } from '../../src/runtime/server/rate-limit/settings'

const rule = { limit: 10, window: 1 }

describe('the options', () => {
  it('have defaults', () => {
    const { rules, timeout, replicas, headers, trusts } = rateLimitSettings.resolveGiven({ rules: { '/api/**': { limit: 10 } } })
    expect(rules.get('/api/**')).toEqual({
      name: '/api/**', label: '"/api/**"', policy: '"/api/**";q=10;w=1', bucket: { interval: 100_000, capacity: 1_000_000 }, cost: 1, key: 'address', methods: [], shadow: false, fallback: 'memory',
    })
    expect([timeout, replicas, headers]).toEqual([75, 1, true])
    expect([trusts('127.0.0.1'), trusts(undefined)]).toEqual([false, false])
  })

  it('take what the environment says', () => {
    const { replicas, headers, timeout } = rateLimitSettings.resolveGiven({ replicas: '3' as never, headers: 'false' as never, timeout: '50ms' })
    expect([replicas, headers, timeout]).toEqual([3, false, 50])
  })

  it('trust a UNIX socket when it is named', () => {
    const { trusts } = rateLimitSettings.resolveGiven({ trustedProxies: ['unix', '10.0.0.0/8'] })
    expect([trusts(undefined), trusts('10.1.2.3'), trusts('127.0.0.1')]).toEqual([true, true, false])
  })

  it.each([
    [{ rule: {} }, 'scale.rateLimit.rule is not an option'],
    [{ rules: { '/api/**': { limit: 0 } } }, 'scale.rateLimit.rules[\'/api/**\'].limit is 0: write a whole number of at least 1.'],
    [{ rules: { '/api/**': { limit: 1, window: '0s' } } }, '.window is "0s": write a time of at least \'1ms\''],
    [{ rules: { '/api/**': { limit: 1, bursts: 2 } } }, 'rules[\'/api/**\'].bursts is not an option'],
    [{ rules: { '/api/**': { limit: 2, cost: 3 } } }, '.cost is 3, which is more than 1 + burst'],
    [{ rules: { '/api/**': { limit: 2, key: 'user' } } }, '.key is "user": write \'address\', \'tenant\', \'function\''],
    [{ rules: { '/api/**': { limit: 1, window: '365d', burst: 1000 } } }, 'covers more than 70 years'],
    [{ rules: { '/api/**': true } }, 'rules[\'/api/**\'] is true: write an object'],
    [{ trustedProxies: 'any' }, 'scale.rateLimit.trustedProxies is "any": write a list'],
    [{ trustedProxies: ['proxy'] }, 'scale.rateLimit.trustedProxies contains "proxy"'],
    [{ replicas: 0 }, 'scale.rateLimit.replicas is 0'],
  ])('refuse %j', (options, message) => {
    expect(() => rateLimitSettings.resolveGiven(options as never)).toThrow(message)
  })
})

describe('the rule of a path', () => {
  const find = compilePathRules(rateLimitSettings.resolveGiven({ rules: {
    '/**': rule, '/api/**': rule, '/api/*/export': rule, '/api/login': rule, '/api/open/**': false,
  } }).rules, 'scale.rateLimit.rules', { stricter: stricterRateLimit })

  it.each([
    ['/about', '/**'], ['/api', '/api/**'], ['/api/products/7', '/api/**'], ['/api/products/export', '/api/*/export'],
    ['/api/login', '/api/login'], ['/api/login/again', '/api/**'], ['/api/open/door', undefined], ['/apiary', '/**'],
  ])('of %s is that of %s', (path, name) => {
    expect(find(path, 'GET')?.name).toBe(name)
  })

  it('must begin with a slash', () => {
    expect(() => rateLimitSettings.resolveGiven({ rules: { 'api/**': rule } })).toThrow('write a path that begins with /')
  })

  it('of two readings is the slower one that counts the method', () => {
    const { rules } = rateLimitSettings.resolveGiven({ rules: { '/a': rule, '/b': { limit: 1, window: '1h', methods: ['POST'] } } })
    const choose = compilePathRules(rules, 'scale.rateLimit.rules', { stricter: stricterRateLimit })
    expect([['/a', '/b'], ['/b', '/a'], ['/b', '/c']].map(readings => ['GET', 'POST'].map(method => choose(readings, method)?.name)))
      .toEqual([['/a', '/b'], ['/a', '/b'], [undefined, '/b']])
  })
})
