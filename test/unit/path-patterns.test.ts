import { describe, expect, it } from 'vitest'
import { compilePathPatterns, pathOf } from '../../src/runtime/server/path-patterns'

describe('path patterns', () => {
  it.each([
    ['/a/**', ['/a', '/a/b', '/a/b/c'], ['/ab', '/', '/b/a/b']],
    ['/a', ['/a'], ['/a/', '/a/b', '/ab']],
    ['/api/*/public', ['/api/v1/public'], ['/api/v1/v2/public', '/api/public', '/api/v1/public/x']],
    ['/api/*/public/**', ['/api/v1/public', '/api/v1/public/a/b'], ['/api/v1/publicity', '/api/public/a']],
    ['/a.b(c)', ['/a.b(c)'], ['/axb(c)', '/a.bc']],
    ['/**', ['/', '/a/b'], []],
    // %0A in a target comes here as a line break.
    ['/api/**', ['/api/a\nb', '/api/\n', '/api/a/\n'], ['\n/api/a', '/api\n']],
    ['/api/**/b', ['/api/a\n/b'], ['/api/a\n']],
    ['/a/*', ['/a/b\n'], ['/a/\n/b']],
  ])('%s', (pattern, inside, outside) => {
    const matches = compilePathPatterns([pattern], 'option')
    expect([...inside, ...outside].filter(matches)).toEqual(inside)
  })

  it('match when one of several does, and nothing when there are none', () => {
    const matches = compilePathPatterns(['/a', '/b/**', '/c/*'], 'option')
    expect(['/a', '/b/x', '/c/x', '/d'].filter(matches)).toEqual(['/a', '/b/x', '/c/x'])
    expect(compilePathPatterns([], 'option')('/a')).toBe(false)
  })

  it('begin with a slash', () => {
    expect(() => compilePathPatterns(['a/**'], 'scale.x.exclude')).toThrow('scale.x.exclude holds "a/**"')
  })
})

it('a target ends where its query begins', () => {
  expect(['/a?b=/c', '/a', '/?', '?'].map(pathOf)).toEqual(['/a', '/a', '/', ''])
})
