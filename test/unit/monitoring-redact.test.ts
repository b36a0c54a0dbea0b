import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fingerprintOf } from '../../src/runtime/app/fingerprint'
import { parseStack } from '../../src/runtime/app/parse-stack'
import { LONGEST_MESSAGE, redactMessage, redactUrl } from '../../src/runtime/app/redact'

describe('redactMessage', () => {
  it.each([
    ['[GET] "https://api.shop.example:8443/users?email=jane@doe.org": 404', '[GET] "/users": 404'],
    ['cannot load /orders/7?token=abc#top now', 'cannot load /orders/7 now'],
    ['no user jane.doe+shop@mail.example.org', 'no user [email]'],
    ['no user jane%40example.org', 'no user [email]'],
    ['Authorization: Bearer abc.def', 'Authorization: Bearer [secret]'],
    ['cookie: sid=1; theme=dark', 'cookie=[secret]'],
    ['bad token=abc123, try again', 'bad token=[secret], try again'],
    ['{"password":"hunter two"}', '{"password":[secret]}'],
    ['session_token: "a b"', 'session_token: [secret]'],
    ['invalid eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_', 'invalid [token]'],
    ['key 0123456789abcdef0123456789abcdef', 'key [token]'],
    ['ThisNameOfAFunctionIsLongerThanThirtyTwo failed', 'ThisNameOfAFunctionIsLongerThanThirtyTwo failed'],
    ['peer 10.20.30.40 is gone', 'peer [ip] is gone'],
    ['call +49 170 1234567', 'call [number]'],
    ['undefined is not an object (evaluating \'product.details.priceRange\')', 'undefined is not an object (evaluating \'product.details.priceRange\')'],
    ['data:text/html;base64,aGVsbG8= failed', 'data: failed'],
  ])('%s → %s', (message, expected) => {
    expect(redactMessage(message)).toBe(expected)
  })

  it('leaves no host, query or e-mail address of any message, and changes nothing the second time', () => {
    const word = fc.stringMatching(/^[a-z]{3,10}$/)
    fc.assert(fc.property(fc.lorem(), word, word, word, (before, user, host, value) => {
      const message = `${before} https://${host}.example/path?q=${value}xyz ${user}@${host}.example`
      const redacted = redactMessage(message)
      expect(redacted).not.toMatch(/\.example|xyz|@/)
      expect(redactMessage(redacted)).toBe(redacted)
    }))
    fc.assert(fc.property(fc.string({ maxLength: 2000, unit: 'binary' }), (message) => {
      const redacted = redactMessage(message)
      expect(redacted.length).toBeLessThanOrEqual(LONGEST_MESSAGE)
    }))
  })

  it.each(['a', '/', '@', '-a', 'a.', '1 ', 'token', '"', 'a@b.', 'cookie ', 'eyJ.', ':'])('is fast for a long message of %j', (part) => {
    const message = part.repeat(1_000_000 / part.length)
    const begin = performance.now()
    redactMessage(message)
    expect(performance.now() - begin).toBeLessThan(100)
  })
})

describe('stacks', () => {
  const chromium = `TypeError: no price of jane@doe.org
    at priceOf (https://shop.example/_nuxt/Cart.x1.js?v=2:1:2345)
    at async Promise.all (index 0)
    at https://shop.example/_nuxt/entry.y2.js:12:1`
  const firefox = `priceOf@https://shop.example/_nuxt/Cart.x1.js?v=2:1:2345\n@https://shop.example/_nuxt/entry.y2.js:12:1`

  it.each([['Chromium', chromium], ['Firefox and Safari', firefox]])('of %s become frames without host and query', (_, stack) => {
    expect(parseStack(stack)).toEqual([['priceOf', '/_nuxt/Cart.x1.js', 1, 2345], ['', '/_nuxt/entry.y2.js', 12, 1]])
  })

  it('keep the position of an address', () => {
    expect(redactUrl('https://h.example/a.js?x=1:2:3')).toBe('/a.js:2:3')
    expect(redactUrl('/a.js#b')).toBe('/a.js')
  })

  it('are parsed in time that is linear in their length', () => {
    for (const part of ['at a (', '@', '/', 'a:1:1', 'a (', ' ']) {
      const begin = performance.now()
      parseStack(part.repeat(100_000))
      expect(performance.now() - begin).toBeLessThan(100)
    }
  })

  it('decide the fingerprint, and the message only decides without a stack', () => {
    const error = { kind: 'error', name: 'TypeError', message: 'no price of 7', frames: parseStack(chromium) }
    expect(fingerprintOf({ ...error, message: 'other' })).toBe(fingerprintOf(error))
    expect(fingerprintOf({ ...error, frames: parseStack(chromium.replaceAll('shop.example', 'cdn.example')) })).toBe(fingerprintOf(error))
    expect(fingerprintOf({ ...error, frames: parseStack(chromium.replace(':2345', ':2346')) })).not.toBe(fingerprintOf(error))
    expect(fingerprintOf({ ...error, frames: [] })).toBe(fingerprintOf({ ...error, frames: [], message: 'no price of 812' }))
    expect(fingerprintOf({ ...error, frames: [] })).not.toBe(fingerprintOf({ ...error, frames: [], message: 'no stock of 7' }))
  })
})
