import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startRedisSentinel } from '../support/redis-sentinel.ts'
import type { RedisSentinel } from '../support/redis-sentinel.ts'
import { waitFor } from '../support/wait.ts'
import { libraries, open, outcome, outcomes } from './redis-libraries'

describe.each(libraries)('%s', (_, library) => {
  let group: RedisSentinel

  beforeAll(async () => {
    group = await startRedisSentinel({ password: 'hunter2', sentinelPassword: 'hunter3' })
  })

  afterAll(() => group.stop())

  const options = () => ({ sentinels: group.sentinels, name: group.name, password: 'hunter2', sentinelPassword: 'hunter3' })

  it('finds the master, for commands and for subscriptions', async () => {
    const { connection } = open({ ...options(), db: 1 }, library)
    await connection.run(client => client.set('a', 'b'))
    const master = await group.master()
    expect(await master.client({ db: 1 }).get('a')).toBe('b')
    const subscriber = connection.openSubscriber()
    await new Promise(resolve => subscriber.once('ready', resolve))
    await subscriber.subscribe('news')
    expect(await master.client().publish('news', '1')).toBe(1)
  })

  it('follows a planned failover', async () => {
    const { connection } = open(options(), library)
    await connection.run(client => client.set('a', 'b'))
    const master = await group.failover()
    await waitFor(async () => await outcome(connection.run(client => client.set('after', 'failover'))) === 'ok', { timeout: 5000 })
    expect(await master.client().get('after')).toBe('failover')
  })

  it('rejects at once when no Sentinel answers', async () => {
    const { connection, lost } = open({ ...options(), sentinels: '127.0.0.1:1,127.0.0.1:2' }, library)
    expect(await outcomes(connection, 20)).toEqual({ REDIS_UNAVAILABLE: 20 })
    expect(lost).toHaveLength(1)
    expect(lost[0]).toContain('All sentinels are unreachable: connect ECONNREFUSED 127.0.0.1:1')
  })

  it('says why it is refused', async () => {
    for (const wrong of [{ password: 'wrong' }, { sentinelPassword: 'wrong' }]) {
      const { connection, lost } = open({ ...options(), ...wrong }, library)
      expect(await outcome(connection.run(client => client.get('a')))).toBe('REDIS_UNAVAILABLE')
      expect(lost).toEqual([expect.stringContaining('WRONGPASS')])
    }
  })
})

// A group of its own for each, because Sentinel waits before it promotes a second time.
describe.each(libraries.flatMap(([name, library]) => (['kill', 'pause'] as const).map(fault => ({ name, library, fault }))))('$name: a master after a $fault', ({ library, fault }) => {
  it('is replaced, and no call hangs meanwhile', async () => {
    const group = await startRedisSentinel()
    onTestFinished(() => group.stop())
    const { connection, lost, back } = open({ sentinels: group.sentinels, name: group.name }, library)
    await connection.run(client => client.set('a', 'b'))
    const old = await group.master()
    await old[fault]()
    expect((await outcomes(connection, 50)).hung).toBeUndefined()
    const master = await waitFor(async () => {
      const named = await group.master()
      return named !== old && named
    }, { timeout: 20_000, message: 'the Sentinels to name another master' })
    await waitFor(() => connection.available, { timeout: 5000 })
    expect(await outcome(connection.run(client => client.set('on', master.port)))).toBe('ok')
    expect(await master.client().get('on')).toBe(String(master.port))
    expect([lost.length, back.length]).toEqual([1, 1])
    if (fault === 'pause') {
      await old.resume()
    }
  })
})
