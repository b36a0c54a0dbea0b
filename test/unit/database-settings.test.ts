import { describe, expect, it } from 'vitest'
import { databaseTypes } from '../../src/build/database'
import { refuseSecrets, resolveOptions } from '../../src/options'
import { disposerOf } from '../../src/runtime/server/database/dispose'
import { findBusy } from '../../src/runtime/server/database/errors'
import { createHandle } from '../../src/runtime/server/database/handle'
import { driverFor } from '../../src/runtime/server/database/prisma/drivers'
import { describeUrl, redact, redactError } from '../../src/runtime/server/database/redact'
import { databaseSettings } from '../../src/runtime/server/database/settings'

describe('scale.database', () => {
  it('is off until its key is present', () => {
    expect(resolveOptions({}).database).toBe(false)
    expect(resolveOptions({ database: false }).database).toBe(false)
    expect(resolveOptions({ database: { pool: { max: 5 } } }).database).toEqual({
      url: 'DATABASE_URL', pool: { max: 5, acquireTimeout: '5s' }, maxClients: 50, maxConnections: 20, answerTimeout: '15s', idleTimeout: '60s', replicas: [],
    })
  })

  it('reads addresses from the environment where the server starts', () => {
    const env = { DATABASE_URL: 'postgresql://a/b', REPLICA: 'postgresql://r/b' }
    expect(databaseSettings.resolveGiven({ replicas: ['REPLICA', 'ABSENT', 'mysql://m/b'] }, env)).toEqual({
      url: 'postgresql://a/b', source: 'DATABASE_URL', hasDefault: true, pool: { max: 3, acquireTimeout: 5000 }, maxClients: 50, maxConnections: 20, answerTimeout: 15_000, idleTimeout: 60_000, replicas: ['postgresql://r/b', 'mysql://m/b'],
    })
    expect(databaseSettings.resolveGiven({ replicas: 'REPLICA, ABSENT' }, env).replicas).toEqual(['postgresql://r/b'])
    expect(databaseSettings.resolveGiven({}, {})).toMatchObject({ url: undefined, hasDefault: true })
    for (const url of [false, 'false'] as const) expect(databaseSettings.resolveGiven({ url }, env)).toMatchObject({ url: undefined, source: 'scale.database.url', hasDefault: false })
    expect(databaseSettings.resolveGiven({ url: 'file:./dev.db' }, {})).toMatchObject({ url: 'file:./dev.db', source: 'scale.database.url' })
  })

  it.each([
    [{ maxPools: 1 }, 'scale.database.maxPools is not an option'],
    [{ pool: { min: 1 } }, 'scale.database.pool.min is not an option'],
    [{ pool: { max: 0 } }, 'scale.database.pool.max is 0: write a whole number'],
    [{ pool: { max: 30 } }, 'scale.database.pool.max is 30, but maxConnections is only 20: lower pool.max'],
    [{ pool: { acquireTimeout: 0 } }, 'scale.database.pool.acquireTimeout is 0: write a time'],
    [{ idleTimeout: '60d' }, 'scale.database.idleTimeout is "60d": write a time'],
    [{ answerTimeout: '60d' }, 'scale.database.answerTimeout is "60d": write a time'],
    [{ maxConnections: 1.5 }, 'scale.database.maxConnections is 1.5'],
    [{ url: 'secret word' }, 'scale.database.url must be the name'],
    [{ replicas: 5 }, 'scale.database.replicas must be a list'],
  ])('%j is one sentence', (options, sentence) => {
    expect(() => resolveOptions({ database: options as never })).toThrow(sentence)
    expect(() => resolveOptions({ database: options as never })).not.toThrow('secret')
  })

  it('keeps passwords out of the build', () => {
    expect(() => refuseSecrets(resolveOptions({ database: { url: 'postgresql://app:secret@db/shop' } }))).toThrow('NUXT_SCALE_DATABASE_URL')
    expect(() => refuseSecrets(resolveOptions({ database: { replicas: ['postgresql://app:secret@db/shop'] } }))).toThrow('NUXT_SCALE_DATABASE_REPLICAS')
    expect(() => refuseSecrets(resolveOptions({ tenancy: { map: { acme: { url: 'A', replicas: 'B,postgresql://app:secret@db/shop' } } } }))).toThrow('tenancy.map.acme')
    expect(() => refuseSecrets(resolveOptions({ database: {}, shards: { map: { eu: { url: 'A', replicas: ['postgresql://app:secret@db/shop'] } } } }))).toThrow('shards.map.eu')
    refuseSecrets(resolveOptions({ database: { url: 'postgresql://db/shop', replicas: ['REPLICA'] }, tenancy: { map: { acme: { url: 'A', replicas: ['B'] } } }, shards: { map: { eu: { url: 'A', replicas: 'B, C' } } } }))
  })

  it.each([
    [{ tenancy: { map: { acme: { url: 'A', replicas: 5 } } } }, 'scale.tenancy.map.acme.replicas must be a list'],
    [{ tenancy: { map: { acme: { url: 'A', replicas: ['secret word'] } } } }, 'scale.tenancy.map.acme.replicas must be the name'],
    [{ shards: { map: { eu: { url: 'A', replicas: ['secret word'] } } } }, 'scale.shards.map.eu.replicas must be the name'],
    [{ shards: { map: { eu: { url: 'A', replica: 'B' } } } }, 'scale.shards.map.eu.replica is not an option'],
  ])('refuses replicas such as %j in one sentence', (options, sentence) => {
    expect(() => resolveOptions(options as never)).toThrow(sentence)
    expect(() => resolveOptions(options as never)).not.toThrow('secret')
  })

  it('writes the type of the factory', () => {
    expect(databaseTypes('/types', '/app/server/scale.database.ts')).toContain('Awaited<ReturnType<typeof import("/app/server/scale.database").default>>')
    expect(databaseTypes('/types', undefined).trim()).toBe('export {}')
  })
})

describe('secrets', () => {
  it.each([
    ['postgresql://app:secret@db:5432/shop?schema=a', 'postgresql://db:5432/shop'],
    ['postgresql://app:sec/ret@db/shop', 'postgresql://db/shop'],
    ['postgresql://app:sec?r@et@db/shop', 'postgresql://db/shop'],
    ['postgresql://db/shop', 'postgresql://db/shop'],
    ['file:./dev.db', 'file:./dev.db'],
    ['secret', 'an address'],
  ])('%s is shown as %s', (url, shown) => expect(describeUrl(url)).toBe(shown))

  it('are taken out of messages, decoded ones too, and fields are dropped', () => {
    const url = 'postgresql://app:s%20cret@db/shop'
    expect(redact(`cannot use ${url}: "s cret" (s%20cret) is wrong`, url)).toBe('cannot use ***: "***" (***) is wrong')
    const error = Object.assign(new TypeError(`Invalid ${url}`), { input: url })
    const copy = redactError(error, url)
    expect(`${JSON.stringify(Object.entries(copy))} ${copy.stack}`).not.toContain('cret')
    expect(copy.name).toBe('TypeError')
  })
})

describe('the driver of an address', () => {
  it.each([
    ['postgres://h/d', '@prisma/adapter-pg'], ['postgresql://h/d', '@prisma/adapter-pg'], ['mysql://h/d', '@prisma/adapter-mariadb'],
    ['mariadb://h/d', '@prisma/adapter-mariadb'], ['file:./a.db', '@prisma/adapter-better-sqlite3'], ['sqlite:./a.db', '@prisma/adapter-better-sqlite3'],
    ['pglite:./a', 'pglite-prisma-adapter'],
  ])('%s is %s', (url, adapter) => expect(driverFor(url).adapterName).toBe(adapter))

  it.each([
    ['oracle://a:secret@b/c', 'cannot begin with oracle:'], ['constructor://b', 'cannot begin with constructor:'], ['secret', 'has no scheme'], ['', 'is empty'],
    ['postgresql://a:secret/x@b/c', 'percent-encode'],
  ])('%s is refused', (url, sentence) => {
    expect(() => driverFor(url)).toThrow(sentence)
    expect(() => driverFor(url)).not.toThrow('secret')
  })
})

describe('a handle', () => {
  class Driver {
    #rows = 3
    nested = { count: () => this.#rows }
    ended = false
    count(): number {
      return this.#rows
    }

    end(): void {
      this.ended = true
    }
  }

  it('works like the client, private fields and tagged functions included, and cannot end it', async () => {
    const driver = new Driver()
    const { client } = createHandle(driver, 'shop')
    expect([client.count(), client.nested.count(), client instanceof Driver, 'count' in client, Object.is(client.nested, client.nested)]).toEqual([3, 3, true, true, true])
    expect(Object.keys(client)).toEqual(['nested', 'ended'])
    client.ended = false
    await client.end()
    expect(driver.ended).toBe(false)
    const sql = Object.assign((parts: TemplateStringsArray, ...values: number[]): string => parts.join('?') + values.length, { end: (): void => {} })
    const { client: tag } = createHandle(sql, 'shop')
    expect(tag`a${1}b`).toBe('a?b1')
  })

  it('refuses every use once it is poisoned, and shows only its name before and after', () => {
    const { client, poison } = createHandle(new Driver(), 'shop')
    const { nested, count } = client
    poison(() => new Error('ended'))
    for (const use of [() => client.count(), () => nested.count(), () => count(), () => client.nested, () => {
      client.ended = true
    }]) expect(use).toThrow('ended')
    expect(JSON.stringify({ client })).toBe('{"client":"[database client of shop]"}')
  })
})

describe('ending a client', () => {
  it.each<[object, string]>([
    [{ $disconnect: () => 'a', end: () => 'b' }, 'a'], [{ end: () => 'b' }, 'b'], [{ close: () => 'c' }, 'c'], [{ destroy: () => 'd' }, 'd'],
    [{ $client: { end: () => 'drizzle' } }, 'drizzle'], [{ [Symbol.asyncDispose]: () => 'e' }, 'e'],
  ])('finds the way', (client, expected) => expect(disposerOf(client)!()).toBe(expected))

  it('prefers the factory\'s own, and knows when there is none', () => {
    expect(disposerOf({ end: () => 'b' }, () => 'own')!()).toBe('own')
    expect(disposerOf({})).toBeUndefined()
    expect(disposerOf(null)).toBeUndefined()
  })
})

it.each([
  ['pg, a full pool', { message: 'timeout exceeded when trying to connect' }],
  ['pg, a server that does not answer', { message: 'Connection terminated due to connection timeout' }],
  ['pg, query_timeout', { message: 'Query read timeout' }],
  ['PostgreSQL, too many clients', { code: '53300' }],
  ['Postgres.js', { code: 'CONNECT_TIMEOUT' }],
  ['mysql2, a full queue', { message: 'Queue limit reached.' }],
  ['mysql2, no queue', { message: 'No connections available.' }],
  ['mysql2, a server that does not answer', { code: 'ETIMEDOUT', message: 'connect ETIMEDOUT' }],
  ['the connector of MariaDB', { code: 'ER_GET_CONNECTION_TIMEOUT' }],
  ['Knex', { name: 'KnexTimeoutError', message: 'Knex: Timeout acquiring a connection. The pool is probably full. Are you missing a .transacting(trx) call?' }],
  ['Prisma', { code: 'P2024' }],
  ['Prisma, a transaction', { code: 'P2028', message: 'Transaction API error: Unable to start a transaction in the given time.' }],
])('a full pool of %s is known by its error, and behind another', (_, fields) => {
  expect(findBusy(Object.assign(new Error('x'), fields))).toEqual({ retryAfter: 1 })
  expect(findBusy(new Error('Failed query: select 1', { cause: Object.assign(new Error('x'), fields) }))).toEqual({ retryAfter: 1 })
})

it.each([{ code: 'ETIMEDOUT', message: 'connect ETIMEDOUT 10.0.0.1:443' }, { code: 'P2028', message: 'Transaction API error: Transaction already closed' }, { code: '42P01' }])('%j says nothing of a full pool', (fields) => {
  expect(findBusy(Object.assign(new Error('x'), fields))).toBeUndefined()
})

it('a busy database is found behind other errors', () => {
  expect(findBusy(new Error('a', { cause: Object.assign(new Error('b'), { code: 'DATABASE_BUSY', retryAfter: 7 }) }))).toEqual({ retryAfter: 7 })
  expect(findBusy(Object.assign(new Error('b'), { code: 'P2002' }))).toBeUndefined()
  expect(findBusy(undefined)).toBeUndefined()
  expect(findBusy(new Error('a', { cause: new Error('b') }), error => (error as Error).message === 'b')).toEqual({ retryAfter: 1 })
})
