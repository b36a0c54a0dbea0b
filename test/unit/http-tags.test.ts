import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeKey, scopedKey } from '../../src/runtime/server/cache/key'
import { tagResponse } from '../../src/runtime/server/http/private-response'
import { keysOf } from '../../src/runtime/server/http/purge/follow'
import { tagFormats, tagHeaderOf, wireTag } from '../../src/runtime/server/http/tag-header'
import type { TagFormat } from '../../src/runtime/server/http/tag-header'
import { nameResponseTags, noteStoredTags } from '../../src/runtime/server/cache/response-tags'
import { SHARED_CACHE_HEADERS } from '../../src/runtime/server/request/cache-control'

const formats = Object.entries(tagFormats)
const text = fc.oneof(fc.string({ minLength: 1 }), fc.string({ minLength: 1, unit: 'binary' }), fc.constantFrom('a b', 'a,b', 'a\r\nset-cookie: x=1', 'Acme', 'acme', '%2C', ',', '|', 'a|b', '"', '%', '*', 'route:/a?b=1', 'x'.repeat(3000)))
const scopes = fc.oneof(fc.constantFrom('', 'acme', 'Acme', 'globex', '*', '%', 'a|b'), text)
const stored = (scope: string, tag: string) => scopedKey(scope, encodeKey(tag, 'tag'))
/** As the cache behind a format compares tags. */
const seenAs = (tag: string, { ignoresCase }: TagFormat) => ignoresCase ? tag.toLowerCase() : tag

function respond(control = 'public, s-maxage=60') {
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  response.setHeader('cache-control', control)
  return response
}

describe.each(formats)('a tag for %s', (_, format) => {
  it('is safe to write, short enough, and never another one', () => {
    fc.assert(fc.property(scopes, text, scopes, text, (scope, tag, otherScope, otherTag) => {
      const [one, other] = [wireTag(stored(scope, tag), format), wireTag(stored(otherScope, otherTag), format)]
      expect(one).toMatch(/^[\w.~:/|%-]+$/)
      expect(one.length).toBeLessThanOrEqual(format.longestTag)
      expect(seenAs(one, format) === seenAs(other, format)).toBe(stored(scope, tag) === stored(otherScope, otherTag))
    }), { numRuns: 5000 })
  })

  it('is found by the purge of its own tenant and of all, and by no other tenant\'s', () => {
    fc.assert(fc.property(scopes, text, scopes, (scope, tag, other) => {
      fc.pre(scope !== other)
      const bears = new Set(tagHeaderOf({ key: 'route:/a', stored: [stored(scope, tag)], named: [encodeKey('named', 'tag')] }, scope, format)!.split(format.separator).map(part => seenAs(part, format)))
      const finds = (keys: string[]) => keys.some(key => bears.has(seenAs(key, format)))
      for (const name of [tag, 'named']) {
        expect(finds(keysOf({ kind: 'tag', tag: stored(scope, name) }, format))).toBe(true)
        expect(finds(keysOf({ kind: 'tag', tag: stored(other, name) }, format))).toBe(false)
        expect(finds(keysOf({ kind: 'tag everywhere', tag: encodeKey(name, 'tag') }, format))).toBe(true)
      }
      expect(finds(keysOf({ kind: 'key', key: stored(scope, 'route:/a') }, format))).toBe(true)
      expect(finds(keysOf({ kind: 'key', key: stored(other, 'route:/a') }, format))).toBe(false)
    }), { numRuns: 2000 })
  })

  it('too many are none, and no shared cache keeps the response', () => {
    const response = respond()
    response.setHeader('cdn-cache-control', 'public, max-age=60')
    nameResponseTags(response, Array.from({ length: 2000 }, (_, index) => `product:${index}`))
    expect(tagResponse(response, 'acme', format)).toBe(false)
    expect(response.getHeader('cache-control')).toBe('private, no-cache')
    for (const name of SHARED_CACHE_HEADERS) expect([name, response.getHeader(name)]).toEqual([name, undefined])
  })
})

describe('the tags of a response', () => {
  const { fastly, cloudflare } = tagFormats as Required<typeof tagFormats>

  it('are those of the cache and of the handler, with the key of a cached route', () => {
    const response = respond()
    nameResponseTags(response, ['named'])
    noteStoredTags(response, 'route:/api/a?b=1', ['acme|product'])
    expect(tagResponse(response, 'acme', fastly)).toBe(true)
    expect(response.getHeader('surrogate-key')).toBe('acme|product %|product acme|named %|named acme|route:/api/a%3Fb%3D1')
  })

  it('join those that a handler has written itself', () => {
    const response = respond()
    response.setHeader('cache-tag', 'mine, other')
    nameResponseTags(response, ['a,b'])
    tagResponse(response, '', cloudflare)
    expect(response.getHeader('cache-tag')).toBe('mine,other,a%2Cb')
  })

  it.each(['private, max-age=5', 'no-store'])('are not told of a response that says %s', (control) => {
    const response = respond(control)
    nameResponseTags(response, ['a'])
    expect(tagResponse(response, '', fastly)).toBe(true)
    expect(response.getHeader('surrogate-key')).toBeUndefined()
  })

  it('are refused where they are named, not when the headers are sent', () => {
    expect(() => nameResponseTags(respond(), [''])).toThrow('A cache tag is an empty string')
  })

  it('of other keys than cached routes are at no CDN', () => {
    expect(keysOf({ kind: 'key', key: 'acme|category:1' }, fastly)).toEqual([])
  })
})
