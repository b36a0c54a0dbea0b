import { describe, expect, it } from 'vitest'
import type { ShardsModuleOptions } from '../../src/runtime/server/shards/settings'
import { shardsSettings } from '../../src/runtime/server/shards/settings'
import { firstSlotMap } from '../../src/runtime/server/shards/slot-map'
import { serializeSlotMap } from '../../src/runtime/server/shards/stored-map'

const map = { eu: 'DATABASE_URL_EU', us: 'DATABASE_URL_US' }
const slotMap = serializeSlotMap(firstSlotMap(['eu', 'us'], 64))

describe('shards settings', () => {
  it('need the shards alone', () => {
    const settings = shardsSettings.resolveGiven({ map })
    expect(settings).toMatchObject({ spread: ['eu', 'us'], strategy: 'slots', stored: false, defaultShard: undefined, slotMap: firstSlotMap(['eu', 'us']) })
    expect(shardsSettings.resolveGiven({ ...shardsSettings.defaults, map })).toEqual(settings)
    expect(shardsSettings.resolveGiven({ ...shardsSettings.defaults, map, regions: undefined, placement: undefined, slotMap: undefined, spread: undefined, defaultRegion: undefined, slots: undefined, strategy: undefined })).toEqual(settings)
  })

  it('keep a stored map as it is, whatever the shards of the options', () => {
    const settings = shardsSettings.resolveGiven({ map: { asia: 'DATABASE_URL_ASIA', ...map }, slotMap })
    expect(settings.stored).toBe(true)
    expect(settings.slotMap).toEqual(firstSlotMap(['eu', 'us'], 64))
    expect(shardsSettings.resolveGiven({ map, slotMap: JSON.parse(slotMap), slots: 64 }).slotMap).toEqual(settings.slotMap)
  })

  it('take numbers as an environment variable says them, and URLs of every kind', () => {
    expect(shardsSettings.resolveGiven({ map, slots: '64' as never }).slotMap.owners).toHaveLength(64)
    expect([...shardsSettings.resolveGiven({ map: { a: 'postgres://db.internal/a', b: 'file:./b.db', c: '_C1', d: { url: 'DATABASE_URL', schema: 'd' } } }).map.values()]).toEqual([{ url: 'postgres://db.internal/a' }, { url: 'file:./b.db' }, { url: '_C1' }, { url: 'DATABASE_URL', schema: 'd' }])
  })

  it.each<[options: unknown, sentence: string]>([
    [{}, 'scale.shards.map is empty: write at least one shard, such as { eu: \'DATABASE_URL_EU\' }, or remove scale.shards.'],
    [{ map: {} }, 'scale.shards.map is empty'],
    [{ map: ['eu'] }, 'scale.shards.map is ["eu"]: write an object.'],
    [{ map, maps: {} }, 'scale.shards.maps is not an option: write one of map, spread, regions'],
    [{ map: { 'a b': 'A' } }, 'scale.shards.map contains "a b", which is not a valid shard name'],
    [{ map: Object.fromEntries([['__proto__', 'A']]) }, 'scale.shards.map contains "__proto__", which is not a valid shard name'],
    [{ map: { eu: 'A', EU: 'B' } }, 'scale.shards.map contains "eu" and "EU": write names that differ in more than case.'],
    [{ map: { eu: { url: 'A', scheme: 'b' } } }, 'scale.shards.map.eu.scheme is not an option'],
    [{ map: { eu: { schema: 'b' } } }, 'scale.shards.map.eu.url must be the name'],
    [{ map: { eu: '' } }, 'scale.shards.map.eu must be the name of an environment variable or a URL: write \'DATABASE_URL_EU\', for example.'],
    [{ map: { eu: 'not a hidden word' } }, 'scale.shards.map.eu must be the name'],
    [{ map, spread: 'eu' }, 'scale.shards.spread is "eu": write a list of shards.'],
    [{ map, spread: ['mars'] }, 'scale.shards.spread is "mars", which is not a shard: write one of eu, us.'],
    [{ map, spread: ['eu', 'eu'] }, 'scale.shards.spread contains "eu" and "eu"'],
    [{ map, spread: ['eu'], slotMap }, 'scale.shards.spread is not allowed with a stored slot map, which names its own shards: remove it.'],
    [{ map, regions: { AS: 'asia' } }, 'scale.shards.regions.AS is "asia", which is not a shard: write one of eu, us.'],
    [{ map, regions: { AS: 'constructor' } }, 'scale.shards.regions.AS is "constructor", which is not a shard'],
    [{ map, regions: { CA: 'us', ca: 'eu' } }, 'scale.shards.regions contains "CA" and "ca"'],
    [{ map, regions: 'EU' }, 'scale.shards.regions is "EU": write an object.'],
    [{ map, defaultRegion: 'AS' }, 'scale.shards.defaultRegion is "AS", which is not a region: write a key of scale.shards.regions or the name of a shard.'],
    [{ map, strategy: 'jump' }, 'scale.shards.strategy is "jump": write \'slots\', \'modulo\'.'],
    [{ map, strategy: 'modulo', slotMap }, 'scale.shards.slotMap is set, but scale.shards.strategy is \'modulo\', which uses no slot map: remove one of the two.'],
    [{ map, slots: 1 }, 'scale.shards.slots is 1: write at least the number of shards, 2.'],
    [{ map, slots: 70_000 }, 'scale.shards.slots is 70000: write a whole number of at most 65536.'],
    [{ map, slots: 2.5 }, 'scale.shards.slots is 2.5: write a whole number'],
    [{ map, slots: 128, slotMap }, 'scale.shards.slots is 128, but the stored slot map has 64 slots, and this number must not change: remove scale.shards.slots.'],
    [{ map, slotMap: '{' }, 'scale.shards.slotMap is not valid JSON: restore the slot map that was stored last.'],
    [{ map, slotMap: { version: 1 } }, 'scale.shards.slotMap.shards is undefined: write a list with at least one name'],
    [{ map: { eu: 'A' }, slotMap }, 'scale.shards.slotMap contains the shard us, which is missing in scale.shards.map: add it to scale.shards.map.'],
    [{ map, slotMap, slotMapFile: 'server/shards.json' }, 'scale.shards.slotMap and scale.shards.slotMapFile are both set: remove one of the two.'],
    [{ map, strategy: 'modulo', slotMapFile: 'server/shards.json' }, 'scale.shards.slotMapFile is set, but scale.shards.strategy is \'modulo\''],
    [{ map, slotMapFile: 7 }, 'scale.shards.slotMapFile is 7: write the path of a file.'],
    [{ map, tables: ['users'] }, 'scale.shards.tables is ["users"]: write an object.'],
    [{ map, tables: { users: '' } }, 'scale.shards.tables.users is "": write the name of the column with the id.'],
    [{ map, placement: { tables: {} } }, 'scale.shards.placement.tables is not an option: write one of models, domains.'],
    [{ map, placement: { models: { Order: 'orders' } } }, 'scale.shards.placement.models.Order is "orders", which is not a shard'],
    [{ map, placement: { domains: { billing: 1 } } }, 'scale.shards.placement.domains.billing is 1, which is not a shard'],
  ])('%j stop the boot with one sentence', (options, sentence) => {
    let message = ''
    try {
      shardsSettings.resolveGiven(options as ShardsModuleOptions)
    }
    catch (error) {
      message = (error as Error).message
    }
    expect(message).toContain(sentence)
    expect(message).toMatch(/^scale\.shards[^\n]+\.$/)
    expect(message).not.toContain('hidden')
  })
})
