import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { slotFunctions, wantedSlots } from '../../src/reshard/slot-function'
import { createShardResolver } from '../../src/runtime/server/shards/resolve'
import { shardsSettings } from '../../src/runtime/server/shards/settings'
import { firstSlotMap } from '../../src/runtime/server/shards/slot-map'
import { serializeSlotMap } from '../../src/runtime/server/shards/stored-map'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'

let server: PostgresServer
let client: pg.Client

const slots = Array.from({ length: 3000 }, (_, slot) => slot).filter(slot => slot % 3 > 0)
const settings = shardsSettings.resolveGiven({
  map: { 'eu': 'EU', 'us': 'US', 'eu-west': 'EU_WEST' },
  regions: { 'CA': 'us', 'k9': 'eu', 'it\'s': 'eu' },
  slotMap: serializeSlotMap({ ...firstSlotMap(['eu', 'us'], 3000), overrides: new Map([['customer-42', 'us'], ['o\'hara', 'eu'], ['$nuxt_scale', 'us']]) }),
})
const resolver = createShardResolver(settings)

beforeAll(async () => {
  server = await startPostgres()
  client = new pg.Client(server.url())
  await client.connect()
  await client.query(slotFunctions(wantedSlots(settings, slots), { murmur3: 'murmur3', slot: 'slot' }))
})

afterAll(async () => {
  await client?.end()
  await server?.stop()
})

it('the database finds the slot of an id as the resolver does', async () => {
  const letters = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  const prefixed = fc.tuple(fc.constantFrom('eu', 'EU', 'us', 'ca', 'Ca', 'eu-west', 'k9', '\u212A9', 'it\'s', 'İt', 'mars', ''), letters).map(([prefix, rest]) => `${prefix}-${rest}`)
  const one = fc.oneof(letters, prefixed, fc.uuid(), fc.nat().map(String), fc.bigInt().map(String), fc.string({ unit: 'binary', minLength: 1, maxLength: 9 }), fc.constantFrom('customer-42', 'o\'hara', '$nuxt_scale', '-', '--', '日本', '🦊🦊'))
  const ids = fc.sample(one, 5000).filter(id => !id.includes('\0'))
  const { rows } = await client.query<{ slot: number | null }>('select slot(id) from unnest($1::text[]) with ordinality as given (id, place) order by place', [ids])
  const wanted = ids.map((id) => {
    const { slot } = resolver.locate(id)
    return slot !== undefined && slots.includes(slot) ? slot : null
  })
  expect(rows.map(({ slot }) => slot)).toEqual(wanted)
  // All three kinds were there.
  expect(wanted.filter(slot => slot === null).length).toBeGreaterThan(500)
  expect(wanted.filter(slot => slot !== null).length).toBeGreaterThan(500)
})

it('nothing is in no slot', async () => {
  expect((await client.query('select slot(null) as a, slot(\'\') as b')).rows).toEqual([{ a: null, b: null }])
})

it('a region in other letters is refused', () => {
  const odd = shardsSettings.resolveGiven({ map: { eu: 'EU' }, regions: { Österreich: 'eu' } })
  expect(() => wantedSlots(odd, slots)).toThrow('The region "österreich" of scale.shards.regions must contain only ASCII characters')
})
