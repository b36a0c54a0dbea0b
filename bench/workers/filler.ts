/** A process with a heap of its own, whose growth under a full L1 is measured. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createCacheEngine, cacheSettings } from '../support/engine.ts'
import { serve } from '../support/workers.ts'

/** What values are made of. Strings differ from key to key, as they do in an app; V8 keeps equal short ones once. */
export const shapes = {
  'one text': (id: number, bytes: number) => ({ id, text: `${id} `.padEnd(bytes - 20, 'text ') }),
  'fields': (id: number, bytes: number) => Object.fromEntries(Array.from({ length: Math.max(1, Math.round(bytes / 31)) }, (_, index) => [`field${index}`, `text ${id} of ${index} end`])),
  'list of objects': (id: number, bytes: number) => ({ items: Array.from({ length: Math.max(1, Math.round(bytes / 44)) }, (_, index) => ({ index, name: `name ${id}-${index}`, price: index + 0.5 })) }),
  'points': (id: number, bytes: number) => ({ id, points: Array.from({ length: Math.max(1, Math.round(bytes / 17)) }, (_, index) => ({ x: (id + index) % 1000, y: index })) }),
  'Cyrillic text': (id: number, bytes: number) => ({ id, text: `${id} `.padEnd(bytes / 2 - 10, 'текст ') }),
  'numbers': (id: number, bytes: number) => ({ id, rows: Array.from({ length: Math.max(1, Math.round(bytes / 8)) }, (_, index) => id * 7 % 90_000 + index + 0.5) }),
} as const

export type Shape = keyof typeof shapes

/** What an L1 held after it was filled. */
export interface Filled {
  /** Mean length of a value as JSON. */
  payload: number
  entries: number
  /** The engine's own estimate of its bytes. */
  estimated: number
  /** The largest estimate on the way. */
  mostEstimated: number
  /** Bytes of the heap and of buffers that stayed after garbage collection. */
  grown: number
}

const methods = {
  async fill(shape: Shape, bytes: number, keys: number, bound: number): Promise<Filled> {
    const settings = cacheSettings.resolveGiven({ l1: { maxEntries: 250_000, maxBytes: bound } })
    const engine = createCacheEngine({ settings, log: { warn: () => {}, error: () => {} } })
    const make = shapes[shape]
    let payload = 0
    let mostEstimated = 0
    // What the first calls compile and create is not part of the entries.
    for (let id = 0; id < 2000; id++) await engine.get(`warm-up:${id}`, () => make(id, bytes), 600)
    await engine.invalidatePattern('*')
    const before = await heap()
    for (let id = 0; id < keys; id++) {
      const value = make(id, bytes)
      if (id % 1000 === 0) {
        payload += JSON.stringify(value).length / Math.ceil(keys / 1000)
        mostEstimated = Math.max(mostEstimated, engine.memory.bytes)
      }
      await engine.get(`product:${id}`, () => value, 600)
    }
    const grown = await heap() - before
    return { payload, entries: engine.memory.entries, estimated: engine.memory.bytes, mostEstimated, grown }
  },
}

/** Bytes in use after garbage collection. */
async function heap(): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let times = 0; times < 4; times++) {
    collect()
    await new Promise(resolve => setTimeout(resolve, 30))
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

export type FillerMethods = typeof methods

serve(methods)
