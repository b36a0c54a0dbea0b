import { createRouter, toRouteMatcher } from 'radix3'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkPathPatterns, compilePathPatterns, compilePathRules, encodeTarget, pathOf, readPath } from '../../src/runtime/server/core/paths'

const longer = (one?: string, other?: string) => (one?.length ?? 0) >= (other?.length ?? 0) ? one : other

describe('path patterns', () => {
  it.each([
    ['/a/**', ['/a', '/a/b', '/a/b/c', '/a/'], ['/ab', '/', '/b/a/b', '/A/b']],
    ['/a', ['/a', '/a/', '/%61', '/a?b=c', '/a%3Fb'], ['/a/b', '/ab', '/A']],
    ['/a/', ['/a', '/a/'], ['/a/b']],
    ['/api/*/public', ['/api/v1/public', '/api/v1/public/'], ['/api/v1/v2/public', '/api/public', '/api/v1/public/x']],
    ['/api/:version/public', ['/api/v1/public'], ['/api/public']],
    ['/api/*/public/**', ['/api/v1/public', '/api/v1/public/a/b'], ['/api/v1/publicity', '/api/public/a']],
    ['/a.b(c)', ['/a.b(c)'], ['/axb(c)', '/a.bc']],
    ['/**', ['/', '/a/b'], []],
    ['/caf%C3%A9', ['/café', '/caf%c3%a9'], ['/CAF%C3%A9']],
    ['/things:batch', ['/things:batch'], ['/things/batch']],
    // %0A in a target is a line break in the path.
    ['/api/**', ['/api/a%0Ab', '/api/%0A', '/api/a/%0A'], ['/%0A/api/a', '/api%0A']],
    ['/a/*', ['/a/b%0A'], ['/a/%0A/b']],
  ])('%s', (pattern, inside, outside) => {
    const matches = compilePathPatterns([pattern], 'option', { match: 'every' })
    expect([...inside, ...outside].filter(path => matches(readPath(path)))).toEqual(inside)
  })

  it('match when one of several does, and nothing when there are none', () => {
    const matches = compilePathPatterns(['/a', '/b/**', '/c/*'], 'option', { match: 'any' })
    expect(['/a', '/b/x', '/c/x', '/d'].filter(matches)).toEqual(['/a', '/b/x', '/c/x'])
    expect(compilePathPatterns([], 'option', { match: 'any' })('/a')).toBe(false)
  })

  it.each([
    ['a/**', 'write a path that begins with /'],
    ['/api/**/b', '** can only be the last part'],
    ['/api/**:rest', '** can only be the last part'],
    ['/api/v*', '* must be a whole part'],
    ['/api//a', 'write a path without ?, #'],
    ['/api/../a', 'write a path without ?, #'],
    ['/api/a%2Fb', 'write a path without ?, #'],
    ['/api/a?b', 'write a path without ?, #'],
  ])('%s is refused', (pattern, advice) => {
    expect(() => checkPathPatterns(['/fine', pattern], 'scale.x.exclude')).toThrow(`scale.x.exclude contains the pattern ${JSON.stringify(pattern)}: ${advice}`)
  })

  it('ignore case where a page answers, and below the base of the app', () => {
    const rules = new Map([['/login', 'login'], ['/Shop/**', 'shop'], ['/api/**', 'api']])
    const find = compilePathRules(rules, 'option', { stricter: longer, isPage: path => !path.startsWith('/app/api/'), base: '/app' })
    expect(['/app/LOGIN', '/app/shop/1', '/app/api/x', '/app/API/x', '/app', '/appetite/login'].map(path => find(path)))
      .toEqual(['login', 'shop', 'api', 'api', undefined, undefined])
    const exact = compilePathRules(rules, 'option', { stricter: longer })
    expect(['/LOGIN', '/shop/1', '/Shop/1', '/API/x'].map(path => exact(path))).toEqual([undefined, undefined, 'shop', undefined])
  })

  it('of a route or a file say nothing weaker of a page in another case', () => {
    const isPage = (path: string) => !path.startsWith('/api/') && path !== '/robots.txt'
    const rules = new Map([['/robots.txt', 'w'], ['/api/**', 'weak'], ['/api/login', 'w'], ['/**', 'usual'], ['/x/**', 'w']])
    const find = compilePathRules(rules, 'option', { stricter: longer, isPage })
    expect(['/robots.txt', '/ROBOTS.TXT', '/api/1', '/API/1', '/API/login', '/X/1'].map(path => find(path))).toEqual(['w', 'usual', 'weak', 'usual', 'usual', 'w'])
  })

  it('mean what they mean in the route rules of Nitro', () => {
    const part = fc.constantFrom('a', 'b', 'ab', '*', ':name')
    const pattern = fc.tuple(fc.array(part, { maxLength: 4 }), fc.boolean())
      .map(([parts, isTree]) => `/${[...parts, ...isTree ? ['**'] : []].join('/')}`)
    const path = fc.array(fc.constantFrom('a', 'b', 'ab', 'c', ''), { maxLength: 5 }).map(parts => `/${parts.join('/').replace(/\/+$/, '/')}`)
    fc.assert(fc.property(fc.uniqueArray(pattern, { minLength: 1, maxLength: 6, selector: text => text.replaceAll(':name', '*') }), fc.array(path, { maxLength: 20 }), (patterns, paths) => {
      const matcher = toRouteMatcher(createRouter({ routes: Object.fromEntries(patterns.map(text => [text.replaceAll(':name', '*'), { text }])) }))
      const find = compilePathRules(new Map(patterns.map(text => [text, text])), 'option', { stricter: longer })
      for (const path of paths) {
        const canonical = path.replace(/\/$/, '') || '/'
        expect([patterns, path, find(canonical)]).toEqual([patterns, path, (matcher.matchAll(path).at(-1) as { text: string } | undefined)?.text])
      }
    }), { numRuns: 2000 })
  })

  it('take time in proportion to the path', () => {
    const patterns = ['/a/*/a/*/a/*/b', '/*/*/*/*/*/b/**', '/a/**', '/a/*/a/**', ...Array.from({ length: 50 }, (_, index) => `/a/a/*/${index}`)]
    const matches = compilePathPatterns(patterns, 'option', { match: 'any' })
    const fastest = (target: string) => Math.min(...Array.from({ length: 12 }, () => {
      const begin = performance.now()
      matches(readPath(target))
      return performance.now() - begin
    }))
    for (const unit of ['/a', '/%61', '//', '/..', '/%25', 'a', '%', '/A']) {
      const text = (bytes: number) => `/x${unit.repeat(bytes / unit.length)}`
      fastest(text(12_000))
      // Eight times the length: 8 when it is linear, 64 when it is quadratic.
      expect([unit, fastest(text(96_000)) / fastest(text(12_000)) < 40]).toEqual([unit, true])
    }
  })
})

describe('the readings of a path', () => {
  it.each([
    ['/', '/'], ['/a/b', '/a/b'], ['/a/b?c=/d/../e', '/a/b'], ['/a/', '/a'], ['/a/?b', '/a'], ['/?a', '/'], ['', '/'],
    ['/%61/b', '/a/b'], ['/a%20b', '/a b'], ['/a%3Fb', '/a'], ['/.well-known/x', '/.well-known/x'], ['/a..b/.c', '/a..b/.c'],
    ['/caf%C3%A9', '/café'], ['/a+b', '/a+b'], ['/%2B', '/+'],
  ])('of %s is one', (target, path) => {
    expect(readPath(target)).toBe(path)
  })

  it.each([
    ['//a', ['//a', '/a', '/']],
    ['/a//b', ['/a//b', '/a/b']],
    ['/a//', ['/a/', '/a']],
    ['/a/../b', ['/a/../b', '/b']],
    ['/a/%2e%2e/b', ['/a/../b', '/b']],
    ['/a%2Fb', ['/a%2Fb', '/a/b']],
    ['/%2561', ['/%2561', '/%61', '/a']],
    ['/a%5Cb', ['/a\\b', '/a/b']],
    ['/a%00b', ['/a\0b', '/a']],
    ['/a%23b', ['/a#b', '/a']],
    ['/%61/%zz', ['/%61/%zz', '/a/%zz']],
    ['/%61/%ff', ['/%61/%ff', '/a/%ff']],
    ['/a/_payload.json', ['/a/_payload.json', '/a']],
    ['http://host/a', ['/http://host/a', '/http:/host/a', '/a']],
  ])('of %s are all of %j', (target, paths) => {
    expect(readPath(target)).toEqual(paths)
  })

  it('must all match where a match makes a rule weaker, and any where it makes one stricter', () => {
    const readings = readPath('/public/../admin')
    expect((['any', 'every'] as const).map(match => compilePathPatterns(['/public/**'], 'option', { match })(readings))).toEqual([true, false])
  })
})

describe('the encoding of a target', () => {
  it.each([
    ['/a/b?c=%20', '/a/b?c=%20'], ['/%61/b?%61', '/a/b?%61'], ['/caf%c3%a9', '/caf%C3%A9'], ['/a%2fb', '/a%2Fb'], ['/%2561', '/%2561'],
    ['/a%20b', '/a%20b'], ['/a%23b', '/a%23b'], ['/a%3Fb', '/a?b'], ['/%zz/%61', '/%zz/%61'], ['/a|b/', '/a%7Cb/'],
  ])('of %s is that of %s', (target, encoded) => {
    expect(encodeTarget(target)).toBe(encoded)
    expect(encodeTarget(encoded)).toBe(encoded)
  })
})

it('a target ends where its query begins', () => {
  expect(['/a?b=/c', '/a', '/?', '?'].map(pathOf)).toEqual(['/a', '/a', '/', ''])
})
