import { describe, expect, it } from 'vitest'
import type { ShardsModuleOptions } from '../../src/runtime/server/shards/settings'
import { resolveShardsSettings, shardsDefaults } from '../../src/runtime/server/shards/settings'
import { firstSlotMap } from '../../src/runtime/server/shards/slot-map'
import { serializeSlotMap } from '../../src/runtime/server/shards/stored-map'

const map = { eu: 'DATABASE_URL_EU', us: 'DATABASE_URL_US' }
const slotMap = serializeSlotMap(firstSlotMap(['eu', 'us'], 64))

describe('shards settings', () => {
  it('need the shards alone', () => {
    const settings = resolveShardsSettings({ map })
    expect(settings).toMatchObject({ spread: ['eu', 'us'], strategy: 'slots', stored: false, defaultShard: undefined, slotMap: firstSlotMap(['eu', 'us']) })
    expect(resolveShardsSettings({ ...shardsDefaults, map })).toEqual(settings)
    expect(resolveShardsSettings({ ...shardsDefaults, map, regions: undefined, placement: undefined, slotMap: undefined, spread: undefined, defaultRegion: undefined, slots: undefined, strategy: undefined })).toEqual(settings)
  })

  it('keep a stored map as it is, whatever the shards of the options', () => {
    const settings = resolveShardsSettings({ map: { asia: 'DATABASE_URL_ASIA', ...map }, slotMap })
    expect(settings.stored).toBe(true)
    expect(settings.slotMap).toEqual(firstSlotMap(['eu', 'us'], 64))
    expect(resolveShardsSettings({ map, slotMap: JSON.parse(slotMap), slots: 64 }).slotMap).toEqual(settings.slotMap)
  })

  it('take numbers as an environment variable says them, and URLs of every kind', () => {
    expect(resolveShardsSettings({ map, slots: '64' as never }).slotMap.owners).toHaveLength(64)
    expect([...resolveShardsSettings({ map: { a: 'postgres://db.internal/a', b: 'file:./b.db', c: '_C1', d: { url: 'DATABASE_URL', schema: 'd' } } }).map.values()]).toEqual([{ url: 'postgres://db.internal/a' }, { url: 'file:./b.db' }, { url: '_C1' }, { url: 'DATABASE_URL', schema: 'd' }])
  })

  it.each<[options: unknown, sentence: string]>([
    [{}, 'scale.shards.map is empty: name a shard at least, as in { eu: \'DATABASE_URL_EU\' }, or leave out scale.shards.'],
    [{ map: {} }, 'scale.shards.map is empty'],
    [{ map: ['eu'] }, 'scale.shards.map is ["eu"]: write an object.'],
    [{ map, maps: {} }, 'scale.shards.maps is not an option: scale.shards takes map, spread, regions'],
    [{ map: { 'a b': 'A' } }, 'scale.shards.map holds "a b", which is no name of a shard'],
    [{ map: Object.fromEntries([['__proto__', 'A']]) }, 'scale.shards.map holds "__proto__", which is no name of a shard'],
    [{ map: { eu: 'A', EU: 'B' } }, 'scale.shards.map holds "eu" and "EU": write names that differ in more than case.'],
    [{ map: { eu: { url: 'A', scheme: 'b' } } }, 'scale.shards.map.eu.scheme is not an option'],
    [{ map: { eu: { schema: 'b' } } }, 'scale.shards.map.eu.url is neither'],
    [{ map: { eu: '' } }, 'scale.shards.map.eu is neither the name of an environment variable nor a URL: write such as \'DATABASE_URL_EU\'.'],
    [{ map: { eu: 'not a hidden word' } }, 'scale.shards.map.eu is neither'],
    [{ map, spread: 'eu' }, 'scale.shards.spread is "eu": write a list of shards.'],
    [{ map, spread: ['mars'] }, 'scale.shards.spread is "mars", which is no shard: write one of eu, us.'],
    [{ map, spread: ['eu', 'eu'] }, 'scale.shards.spread holds "eu" and "eu"'],
    [{ map, spread: ['eu'], slotMap }, 'scale.shards.spread is set beside a stored slotMap, which names its shards itself: remove it.'],
    [{ map, regions: { AS: 'asia' } }, 'scale.shards.regions.AS is "asia", which is no shard: write one of eu, us.'],
    [{ map, regions: { AS: 'constructor' } }, 'scale.shards.regions.AS is "constructor", which is no shard'],
    [{ map, regions: { CA: 'us', ca: 'eu' } }, 'scale.shards.regions holds "CA" and "ca"'],
    [{ map, regions: 'EU' }, 'scale.shards.regions is "EU": write an object.'],
    [{ map, defaultRegion: 'AS' }, 'scale.shards.defaultRegion is "AS", which leads to no shard: write a key of scale.shards.regions or the name of a shard.'],
    [{ map, strategy: 'jump' }, 'scale.shards.strategy is "jump": write \'slots\', \'modulo\'.'],
    [{ map, strategy: 'modulo', slotMap }, 'scale.shards.slotMap is set beside the strategy \'modulo\', which reads no map: remove one of the two.'],
    [{ map, slots: 1 }, 'scale.shards.slots is 1: write at least the number of shards, 2.'],
    [{ map, slots: 70_000 }, 'scale.shards.slots is 70000: write a whole number of at most 65536.'],
    [{ map, slots: 2.5 }, 'scale.shards.slots is 2.5: write a whole number'],
    [{ map, slots: 128, slotMap }, 'scale.shards.slots is 128, but the stored map has 64 slots, which never change: remove scale.shards.slots.'],
    [{ map, slotMap: '{' }, 'scale.shards.slotMap is not JSON: write the map as it was stored.'],
    [{ map, slotMap: { version: 1 } }, 'scale.shards.slotMap.shards is undefined: write a list of names'],
    [{ map: { eu: 'A' }, slotMap }, 'scale.shards.slotMap holds the shard us, which scale.shards.map does not name: add it to scale.shards.map.'],
    [{ map, slotMap, slotMapFile: 'server/shards.json' }, 'scale.shards.slotMap is set beside scale.shards.slotMapFile: remove one of the two.'],
    [{ map, strategy: 'modulo', slotMapFile: 'server/shards.json' }, 'scale.shards.slotMap is set beside the strategy \'modulo\''],
    [{ map, slotMapFile: 7 }, 'scale.shards.slotMapFile is 7: write the path of a file.'],
    [{ map, tables: ['users'] }, 'scale.shards.tables is ["users"]: write an object.'],
    [{ map, tables: { users: '' } }, 'scale.shards.tables.users is "": write the column that holds the id.'],
    [{ map, placement: { tables: {} } }, 'scale.shards.placement.tables is not an option: scale.shards.placement takes models, domains.'],
    [{ map, placement: { models: { Order: 'orders' } } }, 'scale.shards.placement.models.Order is "orders", which is no shard'],
    [{ map, placement: { domains: { billing: 1 } } }, 'scale.shards.placement.domains.billing is 1, which is no shard'],
  ])('%j stop the boot with one sentence', (options, sentence) => {
    let message = ''
    try {
      resolveShardsSettings(options as ShardsModuleOptions)
    }
    catch (error) {
      message = (error as Error).message
    }
    expect(message).toContain(sentence)
    expect(message).toMatch(/^scale\.shards[^\n]+\.$/)
    expect(message).not.toContain('hidden')
  })
})
