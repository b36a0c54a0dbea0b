import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ShardId } from '../../src/runtime/server/shards/id'
import type { ShardTarget } from '../../src/runtime/server/shards/resolve'
import { createShardResolver } from '../../src/runtime/server/shards/resolve'
import type { ShardsModuleOptions } from '../../src/runtime/server/shards/settings'
import { shardsSettings } from '../../src/runtime/server/shards/settings'
import { slotOf } from '../../src/runtime/server/shards/slot-hash'
import { firstSlotMap } from '../../src/runtime/server/shards/slot-map'
import { serializeSlotMap } from '../../src/runtime/server/shards/stored-map'

const map = { eu: 'DATABASE_URL_EU', us: 'DATABASE_URL_US', asia: 'DATABASE_URL_ASIA' }
const regions = { EU: 'eu', US: 'us', CA: 'us', AS: 'asia', AU: 'asia' }
const resolverOf = (options: Partial<ShardsModuleOptions> = {}) => createShardResolver(shardsSettings.resolveGiven({ map, regions, ...options }))
const withOverrides = (overrides: Record<string, string>) => resolverOf({ slotMap: serializeSlotMap({ ...firstSlotMap(Object.keys(map)), overrides: new Map(Object.entries(overrides)) }) })
const bySlot = (id: string) => firstSlotMap(Object.keys(map)).owners[slotOf(id, 4096)]!

describe('ids', () => {
  it('go by override, else by prefix, else by slot', () => {
    const id = Array.from({ length: 100 }, (_, index) => `eu-${index}`).find(id => bySlot(id) !== 'eu')!
    const { resolveShard } = withOverrides({ [id]: 'asia' })
    expect(resolveShard({ userId: id })).toBe('asia')
    expect(resolverOf().resolveShard({ userId: id })).toBe('eu')
    expect(resolverOf().resolveShard({ userId: `x${id}` })).toBe(bySlot(`x${id}`))
  })

  it('are placed alike as users and as keys, and in every spelling', () => {
    const { resolveShard, shardOfId } = withOverrides({ 42: 'asia' })
    for (const id of ['42', 42, 42n]) {
      expect(resolveShard({ userId: id })).toBe('asia')
      expect(resolveShard({ key: id })).toBe('asia')
    }
    expect(shardOfId(9_007_199_254_740_993n)).toBe(bySlot('9007199254740993'))
    expect(shardOfId(-0)).toBe(bySlot('0'))
  })

  it('may begin with a region or a shard that is configured, in any case', () => {
    const { shardOfId } = resolverOf()
    for (let index = 0; index < 20; index++) {
      expect(shardOfId(`asia-${index}`)).toBe('asia')
      for (const id of [`eu${index % 10}`, `eu_${index}`, `-eu-${index}`]) expect(shardOfId(id)).toBe(bySlot(id))
    }
    expect(['eu-1', 'EU-1', 'ca-1', 'Asia-1', 'au-', 'us-1-2'].map(shardOfId)).toEqual(['eu', 'eu', 'us', 'asia', 'asia', 'us'])
    for (const id of ['mars-1', 'eu', 'europe-1', ' eu-1', 'c3f0a1d2-1111-4222-a333-444455556666']) expect(shardOfId(id)).toBe(bySlot(id))
  })

  it('keep the shard they were made on when its region moves to another', () => {
    const { shardOfId, shardOfRegion } = resolverOf({ regions: { US: 'asia' } })
    expect(shardOfRegion('us')).toBe('asia')
    expect(shardOfId('us-1')).toBe('us')
  })

  it('cannot be led astray by names of prototypes', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      for (const { shardOfId } of [resolverOf(), withOverrides({ x: 'eu' })]) {
        expect(shardOfId(name)).toBe(bySlot(name))
        expect(shardOfId(`${name}-1`)).toBe(bySlot(`${name}-1`))
      }
      expect(() => resolverOf().shardOfRegion(name)).toThrow('has no shard')
      expect(() => resolverOf().resolveShard({ model: name })).toThrow('has no shard')
      expect(() => resolverOf().resolveShard({ [name]: 1 } as never)).toThrow()
    }
    expect(withOverrides(Object.fromEntries([['__proto__', 'asia']])).shardOfId('__proto__')).toBe('asia')
  })

  it('have one place, whoever asks', () => {
    const id = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('big', 'eu', '__proto__'), fc.tuple(fc.constantFrom('eu', 'US', 'ca', 'mars', ''), fc.string()).map(([prefix, rest]) => `${prefix}-${rest}`))
    const resolvers = [resolverOf(), withOverrides({ 'big': 'asia', 'eu-': 'us' }), resolverOf({ strategy: 'modulo' }), resolverOf({ strategy: 'modulo', defaultRegion: 'CA' })]
    fc.assert(fc.property(id, fc.constantFrom(...resolvers), (id, resolver) => {
      const place = resolver.locate(id)
      expect(Object.keys(map)).toContain(place.shard)
      expect(resolver.shardOfId(id)).toBe(place.shard)
      expect(resolver.resolveShard({ userId: id })).toBe(place.shard)
      expect(place.writes).toEqual([place.shard])
    }), { numRuns: 2000 })
  })

  it('say why they are where they are', () => {
    const { locate } = withOverrides({ big: 'asia' })
    expect(locate('big')).toEqual({ shard: 'asia', by: 'override', writes: ['asia'] })
    expect(locate('eu-7')).toEqual({ shard: 'eu', by: 'prefix', writes: ['eu'] })
    expect(locate(7)).toEqual({ shard: bySlot('7'), by: 'slot', writes: [bySlot('7')], slot: slotOf('7', 4096) })
  })

  it.each<[id: unknown, sentence: string]>([
    ['', 'The id is an empty string: pass a string that is not empty, a whole number or a bigint.'],
    [undefined, 'The id is of type undefined: pass a string'],
    [null, 'The id is of type object: pass a string'],
    [['eu'], 'The id is of type object: pass a string'],
    [1.5, 'The id 1.5 is not a safe integer: pass a string or a bigint.'],
    [2 ** 53, 'The id 9007199254740992 is not a safe integer'],
    [Number.NaN, 'The id NaN is not a safe integer'],
  ])('%j is refused as bad input', (id, sentence) => {
    const { resolveShard, shardOfId, locate } = resolverOf()
    for (const ask of [() => shardOfId(id as ShardId), () => locate(id as ShardId), () => resolveShard({ key: id as ShardId })]) {
      expect(ask).toThrow(sentence)
      expect(ask).toThrow(expect.objectContaining({ name: 'HttpError', statusCode: 400 }))
    }
  })
})

describe('regions', () => {
  it('are found in any case, and the name of a shard is one', () => {
    const { resolveShard } = resolverOf()
    expect(['EU', 'eu', 'Ca', 'AU', 'asia', 'Us'].map(region => resolveShard({ region }))).toEqual(['eu', 'eu', 'us', 'asia', 'asia', 'us'])
  })

  it('that nobody listed are refused as bad input, unless there is a default', () => {
    for (const region of ['MARS', '', 'EU '] as const) {
      expect(() => resolverOf().shardOfRegion(region)).toThrow(`The region ${JSON.stringify(region)} has no shard: add it to scale.shards.regions, or set scale.shards.defaultRegion.`)
      expect(resolverOf({ defaultRegion: 'ca' }).shardOfRegion(region)).toBe('us')
    }
    expect(() => resolverOf().shardOfRegion('MARS')).toThrow(expect.objectContaining({ statusCode: 400 }))
    expect(resolverOf({ defaultRegion: 'asia' }).shardOfRegion(undefined as never)).toBe('asia')
    expect(() => resolverOf({ defaultRegion: 'asia' }).shardOfRegion(['EU'] as never)).toThrow('The region is of type object: pass a string.')
  })
})

describe('models and domains', () => {
  const { resolveShard } = resolverOf({ map: { ...map, orders: 'DATABASE_URL_ORDERS' }, spread: ['eu', 'us', 'asia'], placement: { models: { Order: 'orders', Country: 'eu' }, domains: { billing: 'orders' } } })

  it('are where they were placed', () => {
    expect([resolveShard({ model: 'Order' }), resolveShard({ model: 'Country' }), resolveShard({ domain: 'billing' })]).toEqual(['orders', 'eu', 'orders'])
  })

  it('that were not placed have no shard', () => {
    expect(() => resolveShard({ model: 'order' })).toThrow('The model "order" has no shard: add it to scale.shards.placement.models.')
    expect(() => resolveShard({ domain: 'Order' })).toThrow('The domain "Order" has no shard: add it to scale.shards.placement.domains.')
  })

  it('keep their shard to themselves', () => {
    const shards = new Set(Array.from({ length: 10_000 }, (_, id) => resolveShard({ key: id })))
    expect([...shards].sort()).toEqual(['asia', 'eu', 'us'])
  })
})

it.each<[target: unknown, sentence: string]>([
  [{}, 'resolveShard() needs exactly one property, not 0: pass one of { userId }, { key }, { region }, { model } and { domain }.'],
  [undefined, 'resolveShard() needs exactly one property, not 0'],
  [{ userId: 1, region: 'EU' }, 'resolveShard() needs exactly one property, not 2'],
  [{ user: 1 }, 'resolveShard() cannot find a shard by "user": pass one of'],
])('%j is refused with one sentence', (target, sentence) => {
  expect(() => resolverOf().resolveShard(target as ShardTarget)).toThrow(sentence)
})
