import { describe, expect, it } from 'vitest'
import { runTimeOptions } from '../../src/cli/support/run-time-options'
import { detailsOf, withDetails } from '../../src/runtime/server/core/source-details'

const map = { eu: { url: 'DATABASE_URL_EU', schema: 'eu', replicas: ['COPY'] }, us: 'DATABASE_URL_US', constructor: { url: 'X', schema: 'c' } }

describe('a variable for the address of a database', () => {
  it('leaves its schema and its replicas', () => {
    const details = detailsOf(map)
    expect(details).toEqual({ eu: { schema: 'eu', replicas: ['COPY'] }, constructor: { schema: 'c' } })
    expect(withDetails({ ...map, eu: 'postgresql://db/other', us: 'postgresql://db/us', toString: 'T' }, details)).toEqual({
      eu: { url: 'postgresql://db/other', schema: 'eu', replicas: ['COPY'] }, us: 'postgresql://db/us', constructor: map.constructor, toString: 'T',
    })
  })

  it('gives way to one that says everything', () => {
    expect(withDetails({ eu: { url: 'U', schema: 'new' } }, detailsOf(map))).toEqual({ eu: { url: 'U', schema: 'new' } })
  })

  it.each(['text', null, undefined, 3, [['eu']]])('leaves it to others to refuse %j', (wrong) => {
    expect(withDetails(wrong, detailsOf(map))).toBe(wrong)
  })

  it('is read by the command line as by the server', () => {
    const { shards, tenancy } = runTimeOptions({ database: {}, shards: { map: { 'eu-west': map.eu, 'us': map.us } }, tenancy: { map: { acme: map.eu } } }, {
      NUXT_SCALE_SHARDS_MAP_EU_WEST: 'postgresql://db/a', NUXT_SCALE_SHARDS_MAP_US: 'postgresql://db/b', NUXT_SCALE_TENANCY_MAP_ACME: 'postgresql://db/c',
      NUXT_SCALE_TENANCY_MAP: '{"globex":"DATABASE_URL_GLOBEX"}',
    })
    expect(shards).toMatchObject({ map: { 'eu-west': { url: 'postgresql://db/a', schema: 'eu', replicas: ['COPY'] }, 'us': 'postgresql://db/b' } })
    expect(tenancy).toMatchObject({ map: { acme: { url: 'postgresql://db/c', schema: 'eu', replicas: ['COPY'] }, globex: 'DATABASE_URL_GLOBEX' } })
  })
})
