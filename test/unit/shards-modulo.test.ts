import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { moduloShard } from '../../src/runtime/server/shards/modulo'
import { createShardResolver } from '../../src/runtime/server/shards/resolve'
import { shardsSettings } from '../../src/runtime/server/shards/settings'
import { makeIds } from '../support/ids'

/** What wrote the data that the strategy is for, with names in place of clients. Without a prototype, where no data can be. */
const oldShards: Record<string, string> = Object.assign(Object.create(null), { eu: 'eu', us: 'us', asia: 'asia' })

function oldHash(text: string): number {
  let hash = 0
  for (let index = 0; index < text.length; index++) {
    hash = (hash << 5) - hash + text.charCodeAt(index)
    hash |= 0
  }
  return Math.abs(hash)
}

function oldShardForUser(userId: string): string {
  if (userId.includes('-')) {
    const [name] = userId.split('-')
    return oldShards[name!] || oldShards.eu!
  }
  const names = Object.keys(oldShards)
  return oldShards[names[oldHash(userId) % names.length]!]!
}

describe('the strategy \'modulo\'', () => {
  it('finds data where the old formula put it', () => {
    const { shardOfId } = createShardResolver(shardsSettings.resolveGiven({
      map: { eu: 'DATABASE_URL_EU', us: 'DATABASE_URL_US', asia: 'DATABASE_URL_ASIA' },
      regions: { EU: 'eu', US: 'us', CA: 'us', AS: 'asia', AU: 'asia' },
      defaultRegion: 'EU',
      strategy: 'modulo',
    }))
    const text = fc.string({ unit: fc.oneof(fc.constantFrom('-', 'e', 'u'), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })), minLength: 1, maxLength: 30 })
    const id = fc.oneof(text, fc.uuid(), fc.nat().map(String), fc.tuple(fc.constantFrom('eu', 'us', 'asia', 'US', 'ca', ''), text).map(([prefix, rest]) => `${prefix}-${rest}`))
    fc.assert(fc.property(id, (id) => {
      expect(shardOfId(id)).toBe(oldShardForUser(id))
    }), { numRuns: 20_000 })
  })

  it('counts the shards in the order of spread', () => {
    const shards = ['c', 'a', 'b']
    const { shardOfId } = createShardResolver(shardsSettings.resolveGiven({ map: { a: 'A', b: 'B', c: 'C', other: 'O' }, spread: shards, strategy: 'modulo' }))
    for (const id of makeIds('ObjectId', 1000)) expect(shardOfId(id)).toBe(shards[oldHash(id) % 3])
  })

  it('hashes an id whose beginning is no shard when there is no default region', () => {
    expect(moduloShard('a-b', ['x', 'y', 'z'])).toBe(['x', 'y', 'z'][oldHash('a-b') % 3])
    expect(moduloShard('__proto__-b', ['x', 'y', 'z'], 'y')).toBe('y')
  })

  it('has the faults that its page names', () => {
    const names = (count: number) => Array.from({ length: count }, (_, index) => `shard${index}`)
    const ids = makeIds('sequential', 20_000)
    const moved = ids.filter(id => moduloShard(id, names(4)) !== moduloShard(id, names(5)))
    expect(moved.length / ids.length).toBeCloseTo(0.8, 1)
    // The last character alone decides between 31 shards, and it is always 0.
    expect(new Set(makeIds('sequential by ten', 1000).map(id => moduloShard(id, names(31)))).size).toBe(1)
  })
})
