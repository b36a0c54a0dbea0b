import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createStorage, prefixStorage } from 'unstorage'
import memoryDriver from 'unstorage/drivers/memory'
import { createRedisConnection } from '../../src/runtime/server/redis/connection'
import type { RedisRuntimeOptions } from '../../src/runtime/server/redis/runtime-options'
import { redisSettings } from '../../src/runtime/server/redis/settings'
import type { RedisConnection } from '../../src/runtime/server/redis/types'
import { clearBelowMounts } from '../../src/runtime/server/storage/clear'
import { redisStorageDriver } from '../../src/runtime/server/storage/driver'
import { startRedisCluster } from '../support/redis-cluster.ts'
import { startRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis.ts'
import { libraries, outcome } from './redis-libraries'
import { describeDriverContract } from './storage-contract'

interface Target {
  servers: RedisServer[]
  options: RedisRuntimeOptions
  stop: () => Promise<void>
}

const targets: [string, () => Promise<Target>][] = [
  ['one server', async () => {
    const server = await startRedis()
    return { servers: [server], options: { url: server.url }, stop: server.stop }
  }],
  ['a Cluster of three masters', async () => {
    const cluster = await startRedisCluster()
    return { servers: cluster.nodes, options: { cluster: cluster.startupNodes }, stop: cluster.stop }
  }],
]

const cases = targets.flatMap(([target, start]) => libraries.map(([name, library]) => ({ target, name, start, library })))

describe.each(cases)('$target, $name', ({ start, library }) => {
  let target: Target
  let connection: RedisConnection

  beforeAll(async () => {
    target = await start()
    connection = createRedisConnection(redisSettings.resolveGiven(target.options, {})!, { log: { info() {}, warn() {} }, ioredis: library })
  })

  afterAll(async () => {
    await connection.close()
    await target.stop()
  })

  const driver = (base = 'mount', ttl?: number) => redisStorageDriver({ connection, base, ttl })
  const tidy = () => Promise.all(target.servers.map(server => server.client().flushall()))
  const mount = (base?: string, ttl?: number) => createStorage({ driver: driver(base, ttl) })

  beforeEach(tidy)

  /** Every key of every server. */
  async function allKeys(): Promise<string[]> {
    const keys = await Promise.all(target.servers.map(server => server.client().keys('*')))
    return keys.flat().sort()
  }

  it('can be scanned before the first connection is there', async () => {
    const early = createRedisConnection(redisSettings.resolveGiven(target.options, {})!, { log: { info() {}, warn() {} }, ioredis: library })
    expect(await createStorage({ driver: redisStorageDriver({ connection: early, base: 'early' }) }).getKeys()).toEqual([])
    await early.close()
  })

  describeDriverContract(() => driver())

  it('writes under its own name, and clear leaves every other key alone', async () => {
    const foreign = [
      'session:1', 'scale', 'scale:storage', 'scale:storage:mount', 'scale:storage:mounts:1', 'scale:storage:mount2:1',
      'scale:cache:mount:1', 'scale:storage:mountX1', 'other:storage:mount:1', 'x:scale:storage:mount:1',
    ]
    await connection.run(client => Promise.all(foreign.map(key => client.set(key, 'foreign'))), 2000)
    const storage = mount()
    const nested = mount('mount:a')
    await nested.setItem('x', 'y')
    await storage.setItem('a:x', 'y')
    await storage.setItem('user:1', 'y')
    await storage.setItem('users:1', 'y')
    const others = [...foreign, 'scale:storage:mount%3Aa:x'].sort()
    expect(await allKeys()).toEqual([...others, 'scale:storage:mount:a:x', 'scale:storage:mount:user:1', 'scale:storage:mount:users:1'].sort())

    await driver().clear!('user', {})
    expect((await storage.getKeys()).sort()).toEqual(['a:x', 'users:1'])
    await driver().clear!('users', {})
    expect(await storage.getKeys()).toEqual(['a:x'])
    expect(await driver().getKeys('', {})).toEqual(['a:x'])
    await storage.clear()
    expect(await allKeys()).toEqual(others)
    await nested.clear()
    expect(await allKeys()).toEqual([...foreign].sort())
    await connection.run(client => Promise.all(foreign.map(key => client.del(key))), 2000)
  })

  it('clears below a base of an application\'s storage', async () => {
    const storage = createStorage().mount('redis', driver('redis')).mount('redis:inner', driver('inner')).mount('memory', memoryDriver())
    const undo = clearBelowMounts(storage, each => each.name === 'nuxt-scale-redis')
    const redis = prefixStorage(storage, 'redis')
    const all = ['redis:a:x', 'redis:a/b:x', 'redis:ab:x', 'redis:inner:a:x', 'redis:inner:b:x', 'memory:a:x', 'top:a:x'].map(key => key.replace('/', ':'))
    const fill = () => Promise.all(all.map(key => storage.setItem(key, 'x')))
    const left = async () => (await storage.getKeys()).sort()
    const without = (...gone: string[]) => all.filter(key => !gone.includes(key)).sort()

    await fill()
    await redis.clear('a')
    expect(await left()).toEqual(without('redis:a:x', 'redis:a:b:x'))
    await fill()
    await storage.clear('redis/a/b')
    expect(await left()).toEqual(without('redis:a:b:x'))
    await fill()
    await redis.clear('inner:a')
    expect(await left()).toEqual(without('redis:inner:a:x'))
    await fill()
    await redis.clear('inner')
    expect(await left()).toEqual(without('redis:inner:a:x', 'redis:inner:b:x'))
    await fill()
    await redis.clear()
    expect(await left()).toEqual(['memory:a:x', 'top:a:x'])
    await fill()
    await storage.clear('memory:a')
    expect(await left()).toEqual([...all].sort())
    undo()
    await redis.clear('a')
    expect(await left()).toEqual([...all].sort())
  })

  it.each(['*', 'a*b', '[ab]', 'a?', 'back\\slash', '{tag}', 'ключ', '^a'])('treats %s in a base and in a key as plain text', async (text) => {
    const odd = driver(text)
    const plain = driver('aXb')
    for (const each of [odd, plain]) {
      await each.setItem!(`${text}:1`, 'one', {})
      await each.setItem!('aXb:1', 'two', {})
      await each.setItem!('a:1', 'three', {})
    }
    expect((await odd.getKeys('', {})).sort()).toEqual([`${text}:1`, 'aXb:1', 'a:1'].sort())
    await odd.clear!(text, {})
    expect((await odd.getKeys('', {})).sort()).toEqual(['a:1', 'aXb:1'])
    expect(await plain.getKeys('', {})).toHaveLength(3)
    await odd.clear!('', {})
    await plain.clear!('', {})
    expect(await allKeys()).toEqual([])
  })

  it('lists and clears 3,000 keys, on every master', async () => {
    const storage = mount()
    const keys = Array.from({ length: 3000 }, (_, index) => `many:${index}`)
    await storage.setItems(keys.map(key => ({ key, value: key })))
    const sizes = await Promise.all(target.servers.map(server => server.client().dbsize()))
    expect(sizes.every(size => size > 0)).toBe(true)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(3000)
    expect((await storage.getKeys()).sort()).toEqual([...keys].sort())
    const items = await storage.getItems(keys)
    expect(items.map(item => item.value)).toEqual(keys)
    await storage.clear()
    expect(await allKeys()).toEqual([])
  })

  it('keeps every byte', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
    const storage = mount()
    const values: Record<string, unknown> = {
      buffer: bytes,
      view: new Uint8Array([...bytes, ...bytes]).subarray(256),
      wide: new Uint16Array(new Uint8Array(bytes).buffer),
      arrayBuffer: new Uint8Array(bytes).buffer,
    }
    for (const [key, value] of Object.entries(values)) {
      await storage.setItemRaw(key, value)
      expect((await storage.getItemRaw<Buffer>(key))!.equals(bytes), key).toBe(true)
    }
    await storage.setItemRaw('empty', Buffer.alloc(0))
    expect(await storage.getItemRaw<Buffer>('empty')).toHaveLength(0)
    await storage.setItemRaw('text', 'grüße')
    expect((await storage.getItemRaw<Buffer>('text'))!.toString()).toBe('grüße')
    await expect(storage.setItemRaw('object', { a: 1 })).rejects.toThrow('The raw value of the storage key object is not binary')
    await storage.clear()
  })

  it('sets the time to live of the call, else of the mount, and 0 means for ever', async () => {
    const storage = mount('mount', 50)
    await storage.setItem('mine', 'x', { ttl: 100 })
    await storage.setItem('default', 'x')
    await storage.setItem('forever', 'x', { ttl: 0 })
    await storage.setItemRaw('raw', Buffer.from('x'), { ttl: 0.5 })
    await storage.setItems([{ key: 'bulk', value: 'x', options: { ttl: 30 } }, { key: 'bulk2', value: 'x' }], { ttl: 40 })
    const left = async (key: string) => (await storage.getMeta(key, { nativeOnly: true })).ttl
    expect([await left('mine'), await left('default'), await left('forever'), await left('raw'), await left('bulk'), await left('bulk2')])
      .toEqual([100, 50, undefined, 1, 30, 40])
    expect(await storage.getMeta('mine')).toMatchObject({ ttl: 100, size: 1 })
    expect(await storage.getMeta('absent')).toEqual({})
    await storage.setItem('default', 'y', { ttl: 0 })
    expect(await left('default')).toBeUndefined()
    await expect(storage.setItem('bad', 'x', { ttl: -1 })).rejects.toThrow('The ttl of the key bad is -1')
    expect(() => driver('mount', Number.NaN)).toThrow('The ttl of the mount mount is NaN')
    expect(() => driver('')).toThrow('A storage mount on Redis has no base')
    await storage.clear()
  })

  it('leaves the connection open when it is disposed of', async () => {
    await mount().dispose()
    expect(connection.client.status).toBe('ready')
    expect(connection.available).toBe(true)
  })

  // Last, because it takes the servers away.
  it('rejects instead of hanging while Redis is paused or gone', async () => {
    const storage = mount()
    await storage.setItem('a', 'b')
    await Promise.all(target.servers.map(server => server.pause()))
    const calls: Promise<unknown>[] = [storage.getItem('a'), storage.setItem('a', 'c'), storage.removeItem('a'), storage.getItems(['a', 'b']), driver().getMeta!('a', {}) as Promise<unknown>]
    expect(new Set(await Promise.all(calls.map(outcome)))).toEqual(new Set(['REDIS_TIMEOUT']))
    const later = [storage.getItem('a'), storage.getKeys(), storage.clear()]
    expect(await Promise.all(later.map(outcome))).toEqual(['REDIS_UNAVAILABLE', 'REDIS_UNAVAILABLE', 'REDIS_UNAVAILABLE'])
    await Promise.all(target.servers.map(server => server.kill()))
    expect(await outcome(storage.getKeys())).toBe('REDIS_UNAVAILABLE')
  })
})
