import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { filterTarget, routeKey } from '../../src/runtime/server/cache/nitro/keys'
import type { CacheEngine } from '../../src/runtime/server/cache/types'
import type { RouteKeyParts } from '../../src/runtime/server/cache/nitro/keys'
import { claimName, namespaceOf } from '../../src/runtime/server/cache/nitro/names'
import { stableSerialize } from '../../src/runtime/server/cache/nitro/serialize'

const key = (parts: Partial<RouteKeyParts>) => routeKey({ target: '/', owner: '', varies: [], ...parts })

describe('route keys', () => {
  it('are the path and the query, sorted by name', () => {
    expect(key({ target: '/api/products' })).toBe('route:/api/products')
    expect(key({ target: '/api/products?page=2&color=red' })).toBe('route:/api/products?color=red&page=2')
  })

  it('keep the order of values of one name, which a handler sees', () => {
    expect(key({ target: '/a?x=1&x=2' })).not.toBe(key({ target: '/a?x=2&x=1' }))
  })

  it('end in what else decides the response', () => {
    const varies = [['accept-language', 'uk, en'], ['x-plan', undefined]] as const
    expect(key({ target: '/a', varies, build: 'b1' })).toBe('route:/a#accept-language=uk%2C%20en;x-plan;build=b1')
  })

  it('tell an absent header from an empty one', () => {
    expect(key({ varies: [['x', undefined]] })).not.toBe(key({ varies: [['x', '']] }))
  })

  it('hold a custom key as it is', () => {
    expect(key({ customKey: '1234|56', namespace: 'price' })).toBe('route:price:1234|56')
    expect(key({ customKey: '12|3456', namespace: 'price' })).toBe('route:price:12|3456')
    expect(key({ customKey: '42', route: '/api/products/:id' })).toBe('route:/api/products/:id#key=42')
  })

  it('keep varied headers beside a custom key', () => {
    expect(key({ customKey: '1', namespace: 'n', varies: [['x', 'a']] })).not.toBe(key({ customKey: '1', namespace: 'n', varies: [['x', 'b']] }))
  })

  it('are not forged by a hash in the path, or by a target that is no path', () => {
    expect(key({ target: '/a#build=1' })).not.toBe(key({ target: '/a', build: '1' }))
    expect(key({ target: 'price:1' })).not.toBe(key({ customKey: '1', namespace: 'price' }))
  })

  it('never meet unless everything that decides the response is equal', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ':', '#', '%', '=', ';', '~', '/', '?', '2', '3'), maxLength: 6 })
    const maybe = fc.option(text.filter(Boolean), { nil: undefined })
    const parts = fc.record({
      target: text.map(path => `/${path.replaceAll('?', '')}`),
      namespace: fc.option(text.filter(Boolean).map(name => namespaceOf({ name })!), { nil: undefined }),
      owner: fc.constantFrom('', '~abc'),
      header: maybe,
      build: maybe,
      customKey: maybe,
    })
    fc.assert(fc.property(parts, parts, (left, right) => {
      const make = (part: typeof left) => key({ ...part, route: '/r', varies: [['x', part.header]] })
      // The path counts only without a custom key, the name only with one.
      const essence = (part: typeof left) => JSON.stringify([part.owner, part.header, part.build, part.customKey ? [part.namespace, part.customKey] : part.target])
      expect(make(left) === make(right)).toBe(essence(left) === essence(right))
    }), { numRuns: 5000 })
  })

  it('drop query names that are not allowed', () => {
    expect(filterTarget('/a?utm_source=x&page=1', ['page'])).toBe('/a?page=1')
    expect(filterTarget('/a?utm_source=x', [])).toBe('/a')
    expect(filterTarget('/a?utm_source=x', undefined)).toBe('/a?utm_source=x')
  })
})

describe('names', () => {
  it('leave out what Nitro sets by itself', () => {
    expect(namespaceOf({ base: '/cache', group: 'nitro/routes' })).toBeUndefined()
    expect(namespaceOf({ group: 'shop', name: 'price:list' })).toBe('shop/price%3Alist')
  })

  it('belong to the first definition; another one gets its integrity', () => {
    const engine = {} as CacheEngine
    expect(claimName(engine, 'test name', 'one')).toBe('')
    expect(claimName(engine, 'test name', 'two')).toBe('~two')
    expect(claimName(engine, 'test name', 'one')).toBe('')
  })
})

describe('spelled arguments', () => {
  it('are JSON where that says it all', () => {
    expect(stableSerialize(['a', 1, { b: [true, null], a: 'x' }])).toBe('["a",1,{"a":"x","b":[true,null]}]')
  })

  it('differ when the values do', () => {
    class Point {
      x = 1
    }
    const values = [
      undefined, null, 'undefined', '', 0, -0, '0', 0n, NaN, [], {}, [[]], [undefined], [''], ['a', 'b'], ['a,b'], new Date(0), new Date(1), '1970-01-01T00:00:00.000Z',
      new Map([[1, 2]]), new Map([[1, 3]]), new Set([1]), /a/, new URL('http://a.test'), Buffer.from('a'), new Uint8Array([97]), new Point(), { x: 1 }, new ArrayBuffer(1),
    ]
    expect(new Set(values.map(value => stableSerialize(value))).size).toBe(values.length)
  })

  it('end at a circle', () => {
    const circle: unknown[] = []
    circle.push(circle)
    expect(stableSerialize(circle)).toBe('[Circular(0)]')
  })

  it('hold of an event its method and path alone', () => {
    const event = { __is_event__: true, method: 'GET', path: '/a?b=1', node: { req: { socket: {} } } }
    expect(stableSerialize([event, 1])).toBe('[Event("GET /a?b=1"),1]')
  })
})
