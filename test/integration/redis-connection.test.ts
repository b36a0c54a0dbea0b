import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Redis } from 'ioredis'
import { freePort } from '../support/ports.ts'
import { startRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import type { TcpProxy } from '../support/tcp-proxy.ts'
import { waitFor } from '../support/wait.ts'
import type { RedisConnection } from '../../src/runtime/server/redis/types'
import { libraries, open, outcome, outcomes } from './redis-libraries'

const back = { timeout: 2000, message: 'Redis to be available again' }

let server: RedisServer
let control: Redis

beforeAll(async () => {
  server = await startRedis()
  control = server.client()
})

afterAll(() => server.stop())

async function proxied(target: RedisServer = server): Promise<TcpProxy> {
  const proxy = await startTcpProxy(target.port)
  onTestFinished(() => proxy.close())
  return proxy
}

async function privateServer(options?: Parameters<typeof startRedis>[0]): Promise<RedisServer> {
  const own = await startRedis(options)
  onTestFinished(() => own.stop())
  return own
}

const get = (connection: RedisConnection, key = 'key') => connection.run(client => client.get(key))
/** Waits for the first answer. On a busy machine, opening the connection can take longer than a short budget of one call. */
const firstGet = (connection: RedisConnection) => waitFor(() => get(connection).then(() => true), { message: 'the first answer of Redis' })

describe.each(libraries)('%s', (_, library) => {
  describe('a healthy server', () => {
    it('serves the first call, made before the socket is open', async () => {
      const { connection, lost } = open({ url: server.url }, library)
      expect(connection.client.status).not.toBe('ready')
      expect(await connection.run(client => client.set('first', '1'))).toBe('OK')
      expect(await get(connection, 'first')).toBe('1')
      expect(connection).toMatchObject({ available: true, isCluster: false, prefix: 'scale', database: 0, commandTimeout: 250 })
      expect(connection.masters()).toEqual([connection.client])
      expect(lost).toEqual([])
    })

    it('uses the database', async () => {
      const { connection } = open({ url: `${server.url}/3` }, library)
      await connection.run(client => client.set('in-three', 'x'))
      expect(connection.database).toBe(3)
      expect(await server.client({ db: 3 }).get('in-three')).toBe('x')
      expect(await control.get('in-three')).toBeNull()
    })

    it('never falls back to database 0 when the database does not exist', async () => {
      const { connection, lost } = open({ url: `${server.url}/999` }, library)
      expect(await outcome(connection.run(client => client.set('misplaced', 'x')))).toBe('REDIS_UNAVAILABLE')
      await new Promise(resolve => connection.client.once('ready', resolve))
      expect(await outcome(connection.run(client => client.set('misplaced', 'x')))).toBe('REDIS_UNAVAILABLE')
      // Long enough for a probe, which must not take an answering server for a usable one.
      await new Promise(resolve => setTimeout(resolve, 800))
      expect(await outcome(connection.run(client => client.set('misplaced', 'x')))).toBe('REDIS_UNAVAILABLE')
      expect(await control.exists('misplaced')).toBe(0)
      expect(lost).toHaveLength(1)
      expect(lost[0]).toContain('DB index is out of range')
    })

    it('serves over TLS with a password', async () => {
      const secure = await privateServer({ password: 'hunter2', tls: true })
      const { connection } = open({ url: secure.url, tls: { ca: secure.ca! } }, library)
      await connection.run(client => client.set('a', 'b'))
      expect(await get(connection, 'a')).toBe('b')
    })

    it('refuses a certificate that it cannot trust', async () => {
      const secure = await privateServer({ tls: true })
      const { connection, lost } = open({ url: secure.url }, library)
      expect(await outcome(get(connection))).toBe('REDIS_UNAVAILABLE')
      expect(lost).toHaveLength(1)
    })

    it('reports a wrong password without showing it', async () => {
      const locked = await privateServer({ password: 'right' })
      const { connection, lost } = open({ host: locked.host, port: locked.port, password: 'hunter2' }, library)
      const error = await get(connection).catch((reason: unknown) => reason as Error)
      expect(error).toMatchObject({ code: 'REDIS_UNAVAILABLE' })
      expect(lost).toHaveLength(1)
      expect(lost[0]).toContain('WRONGPASS')
      const shown = JSON.stringify([lost, error, (error as Error).message, (error as Error).stack])
      expect(shown).not.toContain('hunter2')
    })

    it('passes an error of one command on and stays available', async () => {
      const { connection, lost } = open({ url: server.url }, library)
      await connection.run(client => client.set('text', 'x'))
      for (let call = 0; call < 5; call++) {
        await expect(connection.run(client => client.lpush('text', 'y'))).rejects.toThrow('WRONGTYPE')
        await expect(connection.run(() => Promise.reject(new TypeError('mine')))).rejects.toThrow('mine')
        await expect(connection.run(() => {
          throw new TypeError('thrown')
        })).rejects.toThrow('thrown')
      }
      expect(connection.available).toBe(true)
      expect(lost).toEqual([])
    })

    it('does not blame Redis for a stall of this process', async () => {
      const { connection } = open({ url: server.url, commandTimeout: '50ms' }, library)
      await firstGet(connection)
      const call = get(connection)
      await new Promise(resolve => setImmediate(resolve))
      const end = performance.now() + 200
      while (performance.now() < end) {
        // Keeps the event loop busy while the answer waits in the socket.
      }
      expect(await outcome(call)).toBe('ok')
    })

    it('keeps to the budget of one call', async () => {
      const { connection } = open({ url: server.url, commandTimeout: '20s' }, library)
      await get(connection)
      const call = connection.run(client => client.call('BLPOP', 'nothing', '1'), 50)
      expect(await outcome(call)).toBe('REDIS_TIMEOUT')
      await expect(call).rejects.toThrow('Redis did not answer within 50 ms.')
    })
  })

  describe('a server that fails', () => {
    it('refused from the start: rejects at once, and is used as soon as it is there', async () => {
      const port = await freePort()
      const { connection, lost, back: returned } = open({ host: '127.0.0.1', port }, library)
      expect(await outcomes(connection, 50)).toEqual({ REDIS_UNAVAILABLE: 50 })
      expect(connection.available).toBe(false)
      const own = await privateServer({ port })
      await waitFor(() => connection.available, back)
      expect(await outcomes(connection, 50)).toEqual({ ok: 50 })
      expect([lost.length, returned.length]).toEqual([1, 1])
      expect(own.running).toBe(true)
    })

    it('silent from the start: each call waits its budget, then none waits', async () => {
      const proxy = await proxied()
      proxy.freeze()
      const { connection, lost } = open({ host: '127.0.0.1', port: proxy.port, commandTimeout: '100ms' }, library)
      expect(await outcomes(connection, 50)).toEqual({ REDIS_TIMEOUT: 50 })
      expect(connection.available).toBe(true)
      await waitFor(() => !connection.available)
      expect(await outcomes(connection, 50)).toEqual({ REDIS_UNAVAILABLE: 50 })
      proxy.thaw()
      await waitFor(() => connection.available, back)
      expect(await outcomes(connection, 50)).toEqual({ ok: 50 })
      expect(lost).toHaveLength(1)
    })

    it('never answers the connection attempt: is bounded in the same way', async () => {
      const dumb = createServer(() => {})
      await new Promise<void>(resolve => dumb.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => {
        dumb.close()
      })
      const { connection } = open({ host: '127.0.0.1', port: (dumb.address() as AddressInfo).port, tls: true, commandTimeout: '100ms' }, library)
      expect(await outcome(get(connection))).toBe('REDIS_TIMEOUT')
      await waitFor(() => !connection.available)
    })

    it('killed and restarted, twice', async () => {
      const own = await privateServer()
      const { connection, lost, back: returned } = open({ url: own.url }, library)
      for (let round = 1; round <= 2; round++) {
        await connection.run(client => client.set('a', 'b'))
        const inFlight = outcomes(connection, 200)
        await own.kill()
        const counts = await inFlight
        expect(counts.hung).toBeUndefined()
        await waitFor(() => !connection.available)
        expect(await outcomes(connection, 50)).toEqual({ REDIS_UNAVAILABLE: 50 })
        await own.restart()
        await waitFor(() => connection.available, back)
        expect(await outcomes(connection, 50)).toEqual({ ok: 50 })
        expect([lost.length, returned.length]).toEqual([round, round])
      }
    })

    it('paused: waits a budget, then not at all, and is back when it runs on', async () => {
      const own = await privateServer()
      const { connection, lost, back: returned } = open({ url: own.url }, library)
      await get(connection)
      await own.pause()
      expect(await outcomes(connection, 100)).toEqual({ REDIS_TIMEOUT: 100 })
      expect(connection.available).toBe(false)
      expect(await outcomes(connection, 100)).toEqual({ REDIS_UNAVAILABLE: 100 })
      await own.resume()
      await waitFor(() => connection.available, back)
      expect(await outcomes(connection, 100)).toEqual({ ok: 100 })
      expect([lost.length, returned.length]).toEqual([1, 1])
    })

    it('paused for longer than several sockets last', async () => {
      const own = await privateServer()
      const { connection } = open({ url: own.url }, library)
      await get(connection)
      await own.pause()
      await outcomes(connection, 10)
      let closed = 0
      connection.client.on('close', () => closed++)
      await waitFor(() => closed >= 3, { timeout: 15_000, message: 'the socket to be replaced' })
      await own.resume()
      await waitFor(() => connection.available, back)
      expect(await outcomes(connection, 50)).toEqual({ ok: 50 })
    })

    it('half-open for ever: replaces the socket, rejects what was queued on it', async () => {
      const proxy = await proxied()
      const { connection, lost, back: returned } = open({ host: '127.0.0.1', port: proxy.port, commandTimeout: '100ms' }, library)
      await firstGet(connection)
      const old = proxy.connections[0]!
      old.freeze({ discard: true })
      const raw = outcome(connection.client.get('direct'))
      expect(await outcomes(connection, 100)).toEqual({ REDIS_TIMEOUT: 100 })
      await waitFor(() => connection.available, { timeout: 3000 })
      expect(await raw).not.toBe('hung')
      expect(proxy.accepted).toBe(2)
      expect((connection.client as unknown as { commandQueue: { length: number } }).commandQueue.length).toBe(0)
      expect(await outcomes(connection, 100)).toEqual({ ok: 100 })
      expect([lost.length, returned.length]).toEqual([1, 1])
    })

    it('cut in the middle of many calls: every one ends', async () => {
      const proxy = await proxied()
      const { connection } = open({ host: '127.0.0.1', port: proxy.port }, library)
      await get(connection)
      const counts = outcomes(connection, 1000)
      await new Promise(resolve => setImmediate(resolve))
      proxy.cut()
      expect((await counts).hung).toBeUndefined()
      await waitFor(() => connection.available, back)
    })

    it('loading its data: is not used until it has', async () => {
      const own = await privateServer({ args: ['--enable-debug-command', 'yes', '--loading-process-events-interval-bytes', '1024'] })
      const admin = own.client()
      const { connection, lost } = open({ url: own.url }, library)
      await get(connection)
      await admin.call('DEBUG', 'POPULATE', '2000')
      await admin.config('SET', 'key-load-delay', '500')
      const reloaded = admin.call('DEBUG', 'RELOAD')
      await waitFor(async () => (await outcome(get(connection)), !connection.available))
      expect(await outcome(get(connection))).toBe('REDIS_UNAVAILABLE')
      await reloaded
      await waitFor(() => connection.available, back)
      expect(await outcome(get(connection))).toBe('ok')
      expect(lost).toEqual([expect.stringContaining('LOADING')])
    })

    it('demoted to a replica: is not used until it is a master again', async () => {
      const own = await privateServer()
      const { connection, lost } = open({ url: own.url }, library)
      await get(connection)
      const admin = own.client()
      await admin.replicaof(server.host, server.port)
      expect(await outcome(connection.run(client => client.set('a', 'b')))).toBe('REDIS_UNAVAILABLE')
      expect(connection.available).toBe(false)
      const reconnected = new Promise(resolve => connection.client.once('ready', resolve))
      await reconnected
      await waitFor(async () => (await own.client().call('INFO', 'commandstats') as string).includes('cmdstat_role'), { message: 'the probe to ask for the role' })
      expect(connection.available).toBe(false)
      await own.client().replicaof('NO', 'ONE')
      await waitFor(() => connection.available, back)
      expect(await outcome(connection.run(client => client.set('a', 'b')))).toBe('ok')
      expect(lost).toHaveLength(1)
    })
  })

  describe('availability', () => {
    it('tells its listeners of each change, outside the request that saw it', async () => {
      const proxy = await proxied()
      const { connection } = open({ host: '127.0.0.1', port: proxy.port, commandTimeout: '50ms' }, library)
      await firstGet(connection)
      const request = new AsyncLocalStorage<string>()
      const seen: [boolean, string | undefined][] = []
      connection.onAvailability(() => {
        throw new Error('a bad listener')
      })
      connection.onAvailability(available => seen.push([available, request.getStore()]))
      const stop = connection.onAvailability(() => seen.push([false, 'removed']))
      stop()
      proxy.freeze()
      await request.run('tenant', () => outcomes(connection, 3))
      expect(seen).toEqual([[false, undefined]])
      proxy.thaw()
      await waitFor(() => seen.length === 2, back)
      expect(seen[1]).toEqual([true, undefined])
    })
  })

  describe('subscribers', () => {
    it('receive, reconnect, and do not subscribe again by themselves', async () => {
      const proxy = await proxied()
      const { connection } = open({ host: '127.0.0.1', port: proxy.port }, library)
      const subscriber = connection.openSubscriber()
      await new Promise(resolve => subscriber.once('ready', resolve))
      const messages: string[] = []
      subscriber.on('message', (channel, message) => messages.push(`${channel}=${message}`))
      await subscriber.subscribe('news')
      await control.publish('news', '1')
      await waitFor(() => messages.length === 1)
      const ready = new Promise(resolve => subscriber.once('ready', resolve))
      proxy.cut()
      await ready
      // Whatever was sent on the new socket has arrived when this is answered.
      await subscriber.ping()
      expect(await control.publish('news', '2')).toBe(0)
      await subscriber.subscribe('news')
      await control.publish('news', '3')
      await waitFor(() => messages.length === 2)
      expect(messages).toEqual(['news=1', 'news=3'])
    })
  })

  describe('close', () => {
    it('answers what was asked before, leaves no socket behind, and is idempotent', async () => {
      const proxy = await proxied()
      const { connection, lost } = open({ host: '127.0.0.1', port: proxy.port }, library)
      const subscriber = connection.openSubscriber()
      await new Promise(resolve => subscriber.once('ready', resolve))
      await get(connection)
      expect(proxy.connections).toHaveLength(2)
      const inFlight = outcome(get(connection))
      await Promise.all([connection.close(), connection.close()])
      expect(await inFlight).toBe('ok')
      expect([connection.client.status, subscriber.status]).toEqual(['end', 'end'])
      await waitFor(() => proxy.connections.length === 0)
      expect(connection.available).toBe(false)
      expect(await outcome(get(connection))).toBe('REDIS_UNAVAILABLE')
      expect(() => connection.openSubscriber()).toThrow('Redis is not available (the connection is closed).')
      expect(lost).toEqual([])
    })

    it.each(['refused', 'frozen'])('ends for a %s server too', async (state) => {
      const proxy = await proxied()
      const { connection } = open({ host: '127.0.0.1', port: proxy.port, commandTimeout: '50ms' }, library)
      const subscriber = connection.openSubscriber()
      await firstGet(connection)
      if (state === 'refused') {
        proxy.refuse()
        proxy.cut()
      }
      else {
        proxy.freeze({ discard: true })
      }
      await outcomes(connection, 5)
      expect(await outcome(connection.close())).toBe('ok')
      const attempts = proxy.accepted
      await proxy.accept()
      await new Promise(resolve => setTimeout(resolve, 700))
      expect(proxy.accepted).toBe(attempts)
      expect(['end', 'reconnecting']).toContain(subscriber.status)
    })
  })
})
