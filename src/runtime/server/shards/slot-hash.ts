/** Returns the slot of an id. The hash and the number of slots must never change once data exists, because they decide where data is. */
export function slotOf(id: string, slots: number): number {
  return murmur3(id) % slots
}

/**
 * Computes murmur3_x86_32 of the UTF-8 bytes of a string, as a whole number from 0 to 2³²−1.
 * The result decides on which shard a key is, so this function must never change.
 * A lone surrogate counts as U+FFFD, as in TextEncoder. The function allocates nothing.
 *
 * @see https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp
 */
export function murmur3(text: string, seed = 0): number {
  const wholeBlocks = text.length & ~3
  let hash = seed
  let at = 0
  let seen = 0
  for (; at < wholeBlocks; at += 4) {
    const first = text.charCodeAt(at)
    const second = text.charCodeAt(at + 1)
    const third = text.charCodeAt(at + 2)
    const fourth = text.charCodeAt(at + 3)
    seen |= first | second | third | fourth
    hash = mix(hash, first | second << 8 | third << 16 | fourth << 24)
  }
  let block = 0
  for (let shift = 0; at < text.length; at++, shift += 8) {
    const code = text.charCodeAt(at)
    seen |= code
    block |= code << shift
  }
  // The loop above is correct for ASCII only, where a character is one byte. Other strings are hashed again.
  return seen < 0x80 ? finish(hash ^ scramble(block), text.length) : murmur3OfUtf8(text, seed)
}

function murmur3OfUtf8(text: string, seed: number): number {
  let hash = seed
  let length = 0
  let block = 0
  let filled = 0
  for (let at = 0; at < text.length; at++) {
    const point = scalarAt(text, at)
    if (point > 0xFFFF) at++
    const bytes = utf8Bytes(point)
    const bits = utf8Length(point) * 8
    length += bits / 8
    block |= bytes << filled
    filled += bits
    if (filled < 32) continue
    hash = mix(hash, block)
    filled -= 32
    // The bits that did not fit into the last block. Zero is a special case, because a shift by 32 is a shift by 0.
    block = filled === 0 ? 0 : bytes >>> (bits - filled)
  }
  return finish(hash ^ scramble(block), length)
}

/** Returns the code point at `at`, or U+FFFD for a lone surrogate. */
function scalarAt(text: string, at: number): number {
  const point = text.codePointAt(at)!
  return point >= 0xD800 && point <= 0xDFFF ? 0xFFFD : point
}

function utf8Length(point: number): number {
  if (point < 0x80) return 1
  if (point < 0x800) return 2
  return point < 0x10000 ? 3 : 4
}

/** Returns the UTF-8 bytes of a code point as one little-endian number. */
function utf8Bytes(point: number): number {
  if (point < 0x80) return point
  const last = 0x80 | point & 0x3F
  if (point < 0x800) return 0xC0 | point >> 6 | last << 8
  const beforeLast = 0x80 | point >> 6 & 0x3F
  if (point < 0x10000) return 0xE0 | point >> 12 | beforeLast << 8 | last << 16
  return 0xF0 | point >> 18 | (0x80 | point >> 12 & 0x3F) << 8 | beforeLast << 16 | last << 24
}

function mix(hash: number, block: number): number {
  const mixed = hash ^ scramble(block)
  return Math.imul(mixed << 13 | mixed >>> 19, 5) + 0xE6546B64 | 0
}

function scramble(block: number): number {
  const product = Math.imul(block, 0xCC9E2D51)
  return Math.imul(product << 15 | product >>> 17, 0x1B873593)
}

function finish(hash: number, length: number): number {
  let final = hash ^ length
  final = Math.imul(final ^ final >>> 16, 0x85EBCA6B)
  final = Math.imul(final ^ final >>> 13, 0xC2B2AE35)
  return (final ^ final >>> 16) >>> 0
}
