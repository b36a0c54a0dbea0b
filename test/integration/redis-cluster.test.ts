import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startRedisCluster } from '../support/redis-cluster.ts'
import type { RedisCluster } from '../support/redis-cluster.ts'
import { waitFor } from '../support/wait.ts'
import { libraries, open, outcome, outcomes } from './redis-libraries'

const back = { timeout: 2000, message: 'the Cluster to be available again' }

describe.each(libraries)('%s', (_, library) => {
  let cluster: RedisCluster

  beforeAll(async () => {
    cluster = await startRedisCluster({ password: 'hunter2' })
  })

  afterAll(() => cluster.stop())

  const options = () => ({ cluster: cluster.startupNodes, password: 'hunter2' })
  const ports = () => cluster.nodes.map(node => node.port).sort()

  it('serves keys of every slot, from one start node', async () => {
    const { connection, lost } = open({ ...options(), cluster: cluster.startupNodes.slice(0, 1) }, library)
    expect(connection).toMatchObject({ isCluster: true, database: 0 })
    await connection.run(client => Promise.all(Array.from({ length: 300 }, (_, index) => client.set(`key:${index}`, index))))
    expect(await outcomes(connection, 300)).toEqual({ ok: 300 })
    expect(lost).toEqual([])
  })

  it('names every master', async () => {
    const { connection } = open(options(), library)
    expect(() => connection.masters()).toThrow('Redis is not available (not every master of the Cluster is connected).')
    const masters = await connection.run(async () => connection.masters())
    expect(masters.map(master => Number(master.options.port)).sort()).toEqual(ports())
    const sizes = await Promise.all(masters.map(master => master.dbsize()))
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThanOrEqual(300)
    expect(sizes.every(size => size > 0)).toBe(true)
  })

  it('subscribes at the master that it is given, and at one by itself', async () => {
    const { connection } = open(options(), library)
    const masters = await connection.run(async () => connection.masters())
    for (const node of [undefined, ...masters]) {
      const subscriber = connection.openSubscriber(node)
      await new Promise(resolve => subscriber.once('ready', resolve))
      await subscriber.subscribe('news')
      const address = node?.options ?? subscriber.options
      const server = cluster.nodes.find(candidate => candidate.port === Number(address.port))!
      expect((await server.client().pubsub('NUMSUB', 'news') as unknown[])[1]).toBe(1)
      subscriber.disconnect()
      await new Promise(resolve => subscriber.once('end', resolve))
    }
  })

  it('follows a slot that moves', async () => {
    const { connection } = open(options(), library)
    const slot = await cluster.slotOf('moving')
    const from = await cluster.slotOwner(slot)
    await connection.run(client => client.set('moving', 'here'))
    await cluster.moveSlot(slot, (from + 1) % 3)
    expect(await connection.run(client => client.get('moving'), 2000)).toBe('here')
    await cluster.moveSlot(slot, from)
    expect(connection.available).toBe(true)
  })

  it('all masters paused: bounded, then not waited for, then back', async () => {
    const { connection, lost, back: returned } = open(options(), library)
    await outcomes(connection, 50)
    await Promise.all(cluster.nodes.map(node => node.pause()))
    expect(await outcomes(connection, 50)).toEqual({ REDIS_TIMEOUT: 50 })
    expect(connection.available).toBe(false)
    expect(await outcomes(connection, 50)).toEqual({ REDIS_UNAVAILABLE: 50 })
    await Promise.all(cluster.nodes.map(node => node.resume()))
    await waitFor(() => cluster.nodes[0]!.client().cluster('INFO').then(info => info.includes('cluster_state:ok')))
    await waitFor(() => connection.available, back)
    expect(await outcomes(connection, 50)).toEqual({ ok: 50 })
    expect([lost.length, returned.length]).toEqual([1, 1])
  })

  it('one master paused until its socket was replaced: bounded, then back', async () => {
    const { connection } = open(options(), library)
    const masters = await connection.run(async () => connection.masters())
    await outcomes(connection, 50)
    let replaced = 0
    masters.forEach(master => master.on('close', () => replaced++))
    const victim = cluster.nodes[1]!
    await victim.pause()
    expect((await outcomes(connection, 50)).hung).toBeUndefined()
    await waitFor(() => replaced > 0, { timeout: 10_000 })
    expect((await outcomes(connection, 50)).hung).toBeUndefined()
    await victim.resume()
    await waitFor(async () => (await Promise.all(cluster.nodes.map(node => node.client().cluster('INFO')))).every(info => info.includes('cluster_state:ok')))
    await waitFor(() => connection.available, back)
    expect(await outcomes(connection, 100)).toEqual({ ok: 100 })
    expect(connection.masters()).toHaveLength(3)
  })

  it('closes every socket', async () => {
    const { connection } = open(options(), library)
    await outcomes(connection, 50)
    connection.openSubscriber()
    await connection.close()
    expect(connection.client.status).toBe('end')
    expect(await outcome(connection.run(client => client.get('x')))).toBe('REDIS_UNAVAILABLE')
  })

  it('counts as down when no node listens', async () => {
    const { connection, lost } = open({ cluster: '127.0.0.1:1,127.0.0.1:2' }, library)
    expect(await outcomes(connection, 20)).toEqual({ REDIS_UNAVAILABLE: 20 })
    expect(lost).toEqual([expect.stringContaining('Failed to refresh slots cache: connect ECONNREFUSED 127.0.0.1:1')])
  })

  it('says why it is refused', async () => {
    const { connection, lost } = open({ ...options(), password: 'wrong' }, library)
    expect(await outcome(connection.run(client => client.get('a')))).toBe('REDIS_UNAVAILABLE')
    expect(lost).toEqual([expect.stringContaining('WRONGPASS')])
  })

  it('ends its search for a cause when it is closed', async () => {
    // Ends what ioredis opens and says nothing to the one who only asks.
    const silent = createServer((socket) => {
      socket.on('error', () => {}).once('data', (data) => {
        if (!data.toString().startsWith('PING')) return void socket.destroy()
        const start = performance.now()
        socket.once('close', () => searches.push(performance.now() - start))
        asked()
      })
    })
    const searches: number[] = []
    let asked = () => {}
    const search = new Promise<void>(resolve => asked = resolve)
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void silent.close())
    const { connection } = open({ cluster: `127.0.0.1:${(silent.address() as AddressInfo).port}` }, library)
    await search
    await connection.close()
    await waitFor(() => searches.length === 1)
    expect(searches[0]).toBeLessThan(400)
  })
})

describe.each(libraries)('%s: nodes that end', (_, library) => {
  it('is back after all masters were killed, and after one was replaced by its replica', async () => {
    const cluster = await startRedisCluster({ replicas: 1 })
    onTestFinished(() => cluster.stop())
    const { connection, lost } = open({ cluster: cluster.startupNodes }, library)
    await connection.run(client => Promise.all(Array.from({ length: 100 }, (_, index) => client.set(`key:${index}`, index))))

    const victim = cluster.nodes[0]!
    await victim.kill()
    expect((await outcomes(connection, 50)).hung).toBeUndefined()
    // The election is the servers' own, and on a busy machine they vote more than once. What is ours to keep begins when it is over.
    const survivors = cluster.nodes.filter(node => node.running).map(node => node.client())
    const hasElected = async (node: typeof survivors[number]) => String(await node.cluster('INFO')).includes('cluster_state:ok')
      && (await node.cluster('SLOTS')).every(([, , owner]) => owner?.[1] !== victim.port)
    await waitFor(async () => !(await Promise.all(survivors.map(hasElected))).includes(false), { timeout: 45_000, message: 'the servers to elect the replica' })
    await waitFor(async () => (await outcomes(connection, 100)).ok === 100, { timeout: 15_000, message: 'the connection to follow the replica' })
    const masters = await waitFor(() => connection.masters(), { timeout: 5000 })
    expect(masters.map(master => Number(master.options.port))).not.toContain(victim.port)
    expect(masters).toHaveLength(3)

    const running = cluster.nodes.filter(node => node.running)
    const outages = lost.length
    await Promise.all(running.map(node => node.kill()))
    expect((await outcomes(connection, 50)).hung).toBeUndefined()
    await waitFor(() => !connection.available)
    expect(lost.length).toBeLessThanOrEqual(outages + 1)
    expect(await outcomes(connection, 50)).toEqual({ REDIS_UNAVAILABLE: 50 })
    await Promise.all(cluster.nodes.map(node => node.restart()))
    const state = await Promise.all(cluster.nodes.map(node => node.client().cluster('INFO')))
    expect(state).toHaveLength(6)
    await waitFor(async () => (await Promise.all(cluster.nodes.map(node => node.client().cluster('INFO')))).every(info => info.includes('cluster_state:ok')), { timeout: 15_000, message: 'the cluster to form again' })
    await waitFor(() => connection.available, back)
    expect(await outcomes(connection, 100)).toEqual({ ok: 100 })
  }, 120_000)
})
