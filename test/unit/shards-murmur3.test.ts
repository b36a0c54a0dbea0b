import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { murmur3 } from '../../src/runtime/server/shards/slot-hash'

const FOX = 'The quick brown fox jumps over the lazy dog'

/** The hash as its authors describe it, over bytes, with nothing done for speed. */
function murmur3OfBytes(bytes: Uint8Array, seed: number): number {
  const rotate = (value: number, by: number) => value << by | value >>> 32 - by
  const scramble = (block: number) => Math.imul(rotate(Math.imul(block, 0xCC9E2D51), 15), 0x1B873593)
  let hash = seed
  for (let start = 0; start < bytes.length; start += 4) {
    const block = bytes.subarray(start, start + 4).reduce((sum, byte, at) => sum | byte << at * 8, 0)
    hash ^= scramble(block)
    if (start + 4 <= bytes.length) hash = Math.imul(rotate(hash, 13), 5) + 0xE6546B64
  }
  hash ^= bytes.length
  hash = Math.imul(hash ^ hash >>> 16, 0x85EBCA6B)
  hash = Math.imul(hash ^ hash >>> 13, 0xC2B2AE35)
  return (hash ^ hash >>> 16) >>> 0
}

describe('murmur3_x86_32', () => {
  it.each<[text: string, seed: number, hash: number]>([
    ['', 0, 0],
    ['abc', 0, 0xB3DD93FA],
    ['hello', 0, 0x248BFA47],
    ['Hello, world!', 0, 0xC0363E43],
    [FOX, 0, 0x2E4FF723],
    ['', 1, 0x514E28B7],
    ['aaaa', 0x9747B28C, 0x5A97808A],
    ['Hello, world!', 0x9747B28C, 0x24884CBA],
    [FOX, 0x9747B28C, 0x2FA826CD],
    ['日本', 0, 0xC4D9F942],
  ])('gives the public vector of %j with seed %i', (text, seed, hash) => {
    expect(murmur3(text, seed)).toBe(hash)
  })

  it('is that of the UTF-8 bytes, whatever the text', () => {
    const encoder = new TextEncoder()
    const unit = fc.oneof(
      fc.integer({ min: 0, max: 0x7F }),
      fc.integer({ min: 0x80, max: 0x7FF }),
      fc.integer({ min: 0x800, max: 0xFFFF }),
      fc.integer({ min: 0x10000, max: 0x10FFFF }),
      // Surrogates by themselves, and pairs that come about by chance.
      fc.integer({ min: 0xD800, max: 0xDFFF }),
      fc.constantFrom(0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF),
    )
    const text = fc.array(unit, { maxLength: 40 }).map(points => String.fromCodePoint(...points))
    fc.assert(fc.property(text, fc.integer({ min: 0, max: 0xFFFF_FFFF }), (text, seed) => {
      expect(murmur3(text, seed)).toBe(murmur3OfBytes(encoder.encode(text), seed))
    }), { numRuns: 20_000 })
  })

  it('is that of the UTF-8 bytes at every length of ASCII, and with one other character at every place', () => {
    const encoder = new TextEncoder()
    for (let length = 0; length <= 20; length++) {
      const ascii = 'abcdefghijklmnopqrstuvwxyz'.slice(0, length)
      expect(murmur3(ascii)).toBe(murmur3OfBytes(encoder.encode(ascii), 0))
      for (let at = 0; at < length; at++) {
        for (const other of ['\x7F', '\x80', 'ї', '日', '😀', '\uD800', '\uDC00']) {
          const text = ascii.slice(0, at) + other + ascii.slice(at + 1)
          expect(murmur3(text)).toBe(murmur3OfBytes(encoder.encode(text), 0))
        }
      }
    }
  })
})
