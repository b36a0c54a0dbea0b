/** Ids as databases make them, the same in every run. */
export const idKinds = {
  'sequential': (index: number) => String(index + 1),
  'sequential by ten': (index: number) => String((index + 1) * 10),
  'UUID': (index: number) => {
    const hex = Array.from({ length: 4 }, (_, part) => scatterBits(index * 4 + part).toString(16).padStart(8, '0')).join('')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
  },
  // Seconds, five bytes of machine and process, and a counter.
  'ObjectId': (index: number) => (0x65A00000 + Math.floor(index / 40)).toString(16) + '5f1c9a7b3e' + (0x1A2B00 + index).toString(16).padStart(6, '0'),
} as const

export type IdKind = keyof typeof idKinds

/** Many ids of a kind. */
export function makeIds(kind: IdKind, count: number): string[] {
  return Array.from({ length: count }, (_, index) => idKinds[kind](index))
}

/** A well-mixed 32-bit number for each 32-bit number. */
function scatterBits(value: number): number {
  let bits = value + 0x9E3779B9 | 0
  bits = Math.imul(bits ^ bits >>> 16, 0x21F0AAAD)
  bits = Math.imul(bits ^ bits >>> 15, 0x735A2D97)
  return (bits ^ bits >>> 15) >>> 0
}
