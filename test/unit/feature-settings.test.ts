import { describe, expect, expectTypeOf, it } from 'vitest'
import type { Complete } from '../../src/runtime/server/core/feature-settings'
import { defineSettings } from '../../src/runtime/server/core/feature-settings'

interface Options {
  name?: string
  list?: readonly string[]
  map?: Record<string, { size?: number }>
  pool?: { max?: number, wait?: string }
  level?: false | { size?: number, keep?: number }
  purge?: false | { url?: string, rate?: number }
}

const settings = defineSettings({
  path: 'scale.test',
  defaults: { name: 'shop', list: ['a', 'b'], map: {}, pool: { max: 3, wait: '5s' }, level: { size: 1, keep: 2 }, purge: false },
  offGroups: { purge: { url: '', rate: 5 } },
  resolve: (options: Complete<Options>, suffix = '') => {
    if (typeof options.pool !== 'object') throw new TypeError('scale.test.pool must be an object.')
    return { name: options.name + suffix, max: options.pool.max }
  },
})

describe('the defaults of a feature', () => {
  it('fill in what is not given, in groups too', () => {
    expect(settings.complete()).toEqual({ name: 'shop', list: ['a', 'b'], map: {}, pool: { max: 3, wait: '5s' }, level: { size: 1, keep: 2 }, purge: false })
    expect(settings.complete({ pool: { max: 5 }, level: { keep: 9 } })).toMatchObject({ pool: { max: 5, wait: '5s' }, level: { size: 1, keep: 9 } })
    expect(settings.complete({ name: undefined, pool: { max: undefined } })).toMatchObject({ name: 'shop', pool: { max: 3 } })
  })

  it('are replaced by a list, by an object with free keys, and by false', () => {
    expect(settings.complete({ list: ['c'], map: { eu: { size: 1 } }, level: false })).toMatchObject({ list: ['c'], map: { eu: { size: 1 } }, level: false })
  })

  it('of a group that is off by default are filled in when it is on', () => {
    expect(settings.complete({ purge: {} }).purge).toEqual({ url: '', rate: 5 })
  })

  it('do not change when complete options change', () => {
    Object.assign(settings.complete().pool, { max: 99 })
    Object.assign(settings.complete({ purge: {} }).purge, { rate: 99 })
    expect(settings.complete({ purge: {} })).toMatchObject({ pool: { max: 3 }, purge: { rate: 5 } })
  })

  it('are not filled in again where complete options are resolved', () => {
    expect(settings.resolve({ ...settings.complete(), pool: {} as never })).toEqual({ name: 'shop', max: undefined })
    expect(settings.resolveGiven({ pool: {} }, '!')).toEqual({ name: 'shop!', max: 3 })
    expect(settings.resolveGiven(undefined)).toEqual({ name: 'shop', max: 3 })
  })
})

it.each<[unknown, string]>([
  [null, 'scale.test (NUXT_SCALE_TEST) must be an object of options'],
  [{ nane: 'x' }, 'scale.test.nane is not an option: write one of name, list, map, pool, level, purge.'],
  [{ pool: { min: 1 } }, 'scale.test.pool.min is not an option: write one of max, wait.'],
  [{ purge: { rat: 1 } }, 'scale.test.purge.rat is not an option: write one of url, rate.'],
  [{ pool: 7 }, 'scale.test.pool must be an object.'],
])('the options %j are refused', (options, sentence) => {
  expect(() => settings.resolveGiven(options as Options)).toThrow(sentence)
  expect(() => settings.resolve(options as Complete<Options>)).toThrow(sentence)
})

it('the types of the options and the settings follow from resolve', () => {
  expectTypeOf(settings.complete).parameter(0).toEqualTypeOf<Options | undefined>()
  expectTypeOf(settings.complete().pool).toEqualTypeOf<{ max: number, wait: string }>()
  expectTypeOf(settings.complete().map).toEqualTypeOf<Record<string, { size?: number }>>()
  expectTypeOf(settings.resolveGiven({})).toEqualTypeOf<{ name: string, max: number }>()
})
