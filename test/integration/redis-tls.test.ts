import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { RedisTls } from '../../src/runtime/server/redis/tls'
import { startRedisCluster } from '../support/redis-cluster.ts'
import type { RedisCluster } from '../support/redis-cluster.ts'
import { startRedisSentinel } from '../support/redis-sentinel.ts'
import type { RedisSentinel } from '../support/redis-sentinel.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { createServerCertificates } from '../support/tls.ts'
import type { ServerCertificates } from '../support/tls.ts'
import { waitFor } from '../support/wait.ts'
import type { OpenConnection } from './redis-libraries'
import { libraries, open, outcome, outcomes } from './redis-libraries'

const back = { timeout: 2000, message: 'Redis to be available again' }
const directories: ReturnType<typeof createTemporaryDirectory>[] = []

/** Of addresses, of another authority, and of names alone. */
let addressed: ServerCertificates
let foreign: ServerCertificates
let named: ServerCertificates

beforeAll(async () => {
  [addressed, foreign, named] = await Promise.all(['IP:127.0.0.1', 'IP:127.0.0.1', 'DNS:localhost,DNS:redis.internal'].map((names) => {
    const directory = createTemporaryDirectory('tls')
    directories.push(directory)
    return createServerCertificates(directory.path, names)
  })) as [ServerCertificates, ServerCertificates, ServerCertificates]
})

afterAll(() => directories.forEach(directory => directory.remove()))

/** Expects that nothing gets through, now or at a later attempt, and that the one line in the log says why. */
async function expectRefused({ connection, lost, back: returned }: OpenConnection, reason: RegExp): Promise<void> {
  const error = await connection.run(client => client.set('a', 'refused')).catch((thrown: unknown) => thrown as Error)
  expect(error).toMatchObject({ name: 'RedisUnavailableError', code: 'REDIS_UNAVAILABLE', message: expect.stringMatching(/^Redis is not available \([^\n]*\)\.$/) })
  expect((error as Error).message).toMatch(reason)
  // Long enough for a second attempt.
  await new Promise(resolve => setTimeout(resolve, 800))
  expect(await outcomes(connection, 20)).toEqual({ REDIS_UNAVAILABLE: 20 })
  expect(lost).toHaveLength(1)
  expect(lost[0]).toMatch(/^Redis at rediss\+\S+ is not available: [^\n]*$/)
  expect(lost[0]).toMatch(reason)
  expect(returned).toEqual([])
}

describe.each(libraries)('%s: Sentinel', (_, library) => {
  let group: RedisSentinel

  beforeAll(async () => {
    group = await startRedisSentinel({ password: 'hunter2', sentinelPassword: 'hunter3', tls: addressed })
  })

  afterAll(() => group.stop())

  const options = (tls: RedisTls | boolean) => ({ sentinels: group.sentinels, name: group.name, password: 'hunter2', sentinelPassword: 'hunter3', tls })

  it('finds the master, for commands and for subscriptions', async () => {
    const { connection, lost } = open({ ...options({ ca: addressed.ca }), db: 1 }, library)
    await connection.run(client => client.set('a', 'b'))
    expect(await connection.run(client => client.get('a'))).toBe('b')
    const master = await group.master()
    expect(await master.client({ db: 1 }).get('a')).toBe('b')
    const subscriber = connection.openSubscriber()
    await new Promise(resolve => subscriber.once('ready', resolve))
    await subscriber.subscribe('news')
    expect(await master.client().publish('news', '1')).toBe(1)
    expect(lost).toEqual([])
  })

  it('follows a planned failover, and so does a subscriber', async () => {
    const { connection } = open(options({ ca: addressed.ca }), library)
    await connection.run(client => client.set('a', 'b'))
    const subscriber = connection.openSubscriber()
    await new Promise(resolve => subscriber.once('ready', resolve))
    const master = await group.failover()
    await waitFor(async () => await outcome(connection.run(client => client.set('after', 'failover'))) === 'ok', { timeout: 5000 })
    expect(await master.client().get('after')).toBe('failover')
    await waitFor(() => subscriber.status === 'ready' && subscriber.options.port !== undefined && Number(subscriber.stream.remotePort) === master.port, { message: 'the subscriber to be at the new master' })
  })

  it('refuses servers of an authority that it does not trust', async () => {
    const reason = /self-signed certificate in certificate chain|certificate signature failure/
    await expectRefused(open(options({ ca: foreign.ca }), library), reason)
    await expectRefused(open(options(true), library), reason)
  })

  it('counts as down when it speaks in clear to servers of TLS', async () => {
    const { connection, lost } = open(options(false), library)
    expect((await outcomes(connection, 20)).ok).toBeUndefined()
    await waitFor(() => !connection.available)
    expect(await outcomes(connection, 20)).toEqual({ REDIS_UNAVAILABLE: 20 })
    expect(lost).toHaveLength(1)
  })
})

describe.each(libraries)('%s: a Sentinel group whose certificates name hosts', (_, library) => {
  let group: RedisSentinel

  beforeAll(async () => {
    group = await startRedisSentinel({ tls: named, clientCertificates: true, hostname: 'localhost' })
  })

  afterAll(() => group.stop())

  const own = () => ({ ca: named.ca, cert: named.certificate, key: named.key })
  const options = (tls: RedisTls) => ({ sentinels: group.sentinels, name: group.name, tls })

  it('is reached under the name that is given, and by no other, nor without a certificate', async () => {
    const { connection } = open(options({ ...own(), servername: 'redis.internal' }), library)
    expect(await connection.run(client => client.set('a', 'b'))).toBe('OK')
    await expectRefused(open(options({ ca: named.ca, servername: 'redis.internal' }), library), /certificate required/)
    await expectRefused(open(options(own()), library), /does not match certificate's altnames/)
  })

  it('is followed by its names from a killed master to its replacement', async () => {
    const byName = group.sentinels.map(({ port }) => ({ host: 'localhost', port }))
    const { connection, lost, back: returned } = open({ ...options(own()), sentinels: byName }, library)
    await connection.run(client => client.set('a', 'b'))
    const old = await group.master()
    await old.kill()
    expect((await outcomes(connection, 50)).hung).toBeUndefined()
    const master = await waitFor(async () => {
      const next = await group.master()
      return next !== old && next
    }, { timeout: 20_000, message: 'the Sentinels to name another master' })
    await waitFor(() => connection.available, { timeout: 5000 })
    expect(await outcome(connection.run(client => client.set('on', master.port)))).toBe('ok')
    expect(await master.client().get('on')).toBe(String(master.port))
    expect([lost.length, returned.length]).toEqual([1, 1])
  })
})

describe.each(libraries)('%s: Cluster', (_, library) => {
  let cluster: RedisCluster

  beforeAll(async () => {
    cluster = await startRedisCluster({ password: 'hunter2', tls: addressed })
  })

  afterAll(() => cluster.stop())

  const options = (tls: RedisTls | boolean) => ({ cluster: cluster.startupNodes, password: 'hunter2', tls })

  it('serves keys of every slot, from one start node', async () => {
    const { connection, lost } = open({ ...options({ ca: addressed.ca }), cluster: cluster.startupNodes.slice(0, 1) }, library)
    await connection.run(client => Promise.all(Array.from({ length: 300 }, (_, index) => client.set(`key:${index}`, index))), 2000)
    expect(await connection.run(client => client.get('key:7'))).toBe('7')
    expect(await outcomes(connection, 300)).toEqual({ ok: 300 })
    const sizes = await Promise.all(connection.masters().map(master => master.dbsize()))
    expect(sizes).toHaveLength(3)
    expect(sizes.every(size => size > 0)).toBe(true)
    expect(lost).toEqual([])
  })

  it('subscribes at the master that it is given, and at one by itself', async () => {
    const { connection } = open(options({ ca: addressed.ca }), library)
    const masters = await connection.run(async () => connection.masters())
    for (const node of [undefined, ...masters]) {
      const subscriber = connection.openSubscriber(node)
      await new Promise(resolve => subscriber.once('ready', resolve))
      await subscriber.subscribe('news')
      const server = cluster.nodes.find(candidate => candidate.port === Number((node ?? subscriber).options.port))!
      expect((await server.client().pubsub('NUMSUB', 'news') as unknown[])[1]).toBe(1)
      subscriber.disconnect()
      await new Promise(resolve => subscriber.once('end', resolve))
    }
  })

  it('follows a slot that moves', async () => {
    const { connection } = open(options({ ca: addressed.ca }), library)
    const slot = await cluster.slotOf('moving')
    const from = await cluster.slotOwner(slot)
    await connection.run(client => client.set('moving', 'here'))
    await cluster.moveSlot(slot, (from + 1) % 3)
    expect(await connection.run(client => client.get('moving'), 2000)).toBe('here')
    await cluster.moveSlot(slot, from)
    expect(connection.available).toBe(true)
  })

  it('is back after all masters were paused', async () => {
    const { connection, lost, back: returned } = open(options({ ca: addressed.ca }), library)
    await outcomes(connection, 50)
    await Promise.all(cluster.nodes.map(node => node.pause()))
    expect(await outcomes(connection, 50)).toEqual({ REDIS_TIMEOUT: 50 })
    expect(await outcomes(connection, 50)).toEqual({ REDIS_UNAVAILABLE: 50 })
    await Promise.all(cluster.nodes.map(node => node.resume()))
    await waitFor(() => cluster.nodes[0]!.client().cluster('INFO').then(info => info.includes('cluster_state:ok')))
    await waitFor(() => connection.available, back)
    expect(await outcomes(connection, 50)).toEqual({ ok: 50 })
    expect([lost.length, returned.length]).toEqual([1, 1])
  })

  it('refuses servers of an authority that it does not trust', async () => {
    const reason = /self-signed certificate in certificate chain|certificate signature failure/
    await expectRefused(open(options({ ca: foreign.ca }), library), reason)
    await expectRefused(open(options(true), library), reason)
  })

  it('counts as down when it speaks in clear to servers of TLS', async () => {
    const { connection, lost } = open(options(false), library)
    expect((await outcomes(connection, 20)).ok).toBeUndefined()
    await waitFor(() => !connection.available)
    expect(await outcomes(connection, 20)).toEqual({ REDIS_UNAVAILABLE: 20 })
    expect(lost).toHaveLength(1)
  })
})

describe.each(libraries)('%s: a Cluster whose certificates name hosts', (_, library) => {
  it('is reached by its names, or under the one that is given, and by no other', async () => {
    const cluster = await startRedisCluster({ tls: named, clientCertificates: true, args: ['--cluster-announce-hostname', 'localhost'] })
    onTestFinished(() => cluster.stop())
    const own = { ca: named.ca, cert: named.certificate, key: named.key }
    const everything = async ({ connection }: OpenConnection) => {
      // Three handshakes come first.
      await connection.run(client => Promise.all(Array.from({ length: 100 }, (_, index) => client.set(`key:${index}`, index))), 2000)
      expect(await outcomes(connection, 100)).toEqual({ ok: 100 })
      expect(connection.masters()).toHaveLength(3)
    }
    const byName = cluster.startupNodes.map(({ port }) => ({ host: 'localhost', port }))

    await everything(open({ cluster: cluster.startupNodes, tls: { ...own, servername: 'redis.internal' } }, library))
    await expectRefused(open({ cluster: cluster.startupNodes, tls: own }, library), /does not match certificate's altnames/)
    await expectRefused(open({ cluster: byName, tls: { ca: named.ca } }, library), /certificate required/)
    await Promise.all(cluster.nodes.map(node => node.client().config('SET', 'cluster-preferred-endpoint-type', 'hostname')))
    await everything(open({ cluster: byName, tls: own }, library))
  })
})
