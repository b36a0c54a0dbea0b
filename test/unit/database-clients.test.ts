import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createClientRegistry } from '../../src/runtime/server/database/clients'
import type { ClientRegistryOptions, DatabaseLease } from '../../src/runtime/server/database/registry'
import type { DatabaseFactoryInput, DatabaseSpec } from '../../src/runtime/server/database/types'
import { ManualClock, settle } from '../support/manual-clock'

interface FakeClient {
  readonly id: number
  readonly key: string
  query: () => string
  $disconnect: () => Promise<unknown>
}

interface Made {
  key: string
  client: FakeClient
  settleFactory: (ok: boolean) => void
  settleDisconnect: (ok: boolean) => void
  state: 'making' | 'open' | 'ending' | 'gone'
}

const spec = (name: string): DatabaseSpec => ({ name, url: `postgresql://app:secret@db:5432/${name}` })

/** A registry whose factory and disconnects settle when the test says so (or at once), and the connections they stand for. */
function createWorld(options: Partial<ClientRegistryOptions<FakeClient>> & { manual?: boolean, sync?: boolean } = {}) {
  const clock = new ManualClock()
  const made: Made[] = []
  const warnings: string[] = []
  const pool = options.pool ?? { max: 3, acquireTimeout: 1000 }
  const held = () => made.filter(({ state }) => state !== 'gone').length * pool.max
  function factory({ name }: DatabaseFactoryInput): FakeClient | Promise<FakeClient> {
    const disconnect = Promise.withResolvers<undefined>()
    const ready = Promise.withResolvers<FakeClient>()
    const client: FakeClient = {
      id: made.length,
      key: name,
      query: () => {
        if (entry.state !== 'open') throw new Error('reconnected in silence')
        return `${name}:${client.id}`
      },
      $disconnect: () => {
        expect(entry.state).toBe('open')
        entry.state = 'ending'
        if (!options.manual) entry.settleDisconnect(true)
        return disconnect.promise
      },
    }
    const entry: Made = {
      key: name,
      client,
      state: 'making',
      settleFactory: (ok) => {
        entry.state = ok ? 'open' : 'gone'
        if (ok) ready.resolve(client)
        else ready.reject(new Error('no such host at postgresql://app:secret@db:5432/x'))
      },
      settleDisconnect: (ok) => {
        entry.state = 'gone'
        if (ok) disconnect.resolve(undefined)
        else disconnect.reject(new Error('already gone'))
      },
    }
    made.push(entry)
    if (options.sync) {
      entry.state = 'open'
      return client
    }
    if (!options.manual) entry.settleFactory(true)
    return ready.promise
  }
  const registry = createClientRegistry<FakeClient>({
    factory, pool, maxClients: 50, maxConnections: 9, idleTimeout: 60_000, clock, log: { warn: sentence => warnings.push(sentence) }, ...options,
  })
  return { registry, clock, made, warnings, held }
}

describe('the client registry', () => {
  it('makes one client for callers that ask at once, and for the same URL under another name', async () => {
    const { registry, made } = createWorld()
    const leases = await Promise.all([registry.lease(spec('a')), registry.lease(spec('a')), registry.lease({ ...spec('a'), name: 'default' })])
    expect(made).toHaveLength(1)
    expect(new Set(leases.map(({ client }) => client.id)).size).toBe(1)
    expect(registry.gauges()).toEqual({ clients: 1, reserved: 3, waiting: 0, leases: 3, stuck: 0 })
    leases[0]!.release()
    leases[0]!.release()
    expect(registry.gauges().leases).toBe(2)
    await registry.lease({ ...spec('a'), schema: 'other' })
    await registry.lease({ ...spec('a'), role: 'reader' })
    expect(made).toHaveLength(3)
  })

  it('reserves before the factory runs, whatever the factory does', async () => {
    const { registry, made } = createWorld({ manual: true })
    const asked = ['a', 'b', 'c', 'd'].map(name => registry.lease(spec(name)))
    expect(made).toHaveLength(3)
    expect(registry.gauges()).toMatchObject({ clients: 3, reserved: 9, waiting: 1 })
    made[0]!.settleFactory(false)
    await expect(asked[0]).rejects.toMatchObject({ code: 'DATABASE_FACTORY', statusCode: 500 })
    await expect(asked[0]).rejects.not.toThrow('secret')
    expect(made.map(({ key }) => key)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('evicts the idle client that was used least recently, and poisons it with all that was taken from it', async () => {
    const { registry, made, clock } = createWorld()
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map(name => registry.lease(spec(name))))
    const { query } = b!.client
    for (const lease of [b!, c!, a!]) {
      lease.release()
      await clock.advance(1)
    }
    const d = await registry.lease(spec('d'))
    expect(made.map(({ key, state }) => `${key} ${state}`)).toEqual(['a open', 'b gone', 'c open', 'd open'])
    expect(d.client.query()).toBe('d:3')
    expect(() => b!.client.query()).toThrow('was used after its connections were closed')
    expect(() => query()).toThrow('was used after its connections were closed')
    expect(() => b!.client.query()).not.toThrow('secret')
  })

  it('waits in order while every client is in use, then answers 503 with the time to come back', async () => {
    const { registry, clock } = createWorld({ maxConnections: 3, pool: { max: 3, acquireTimeout: 5000 } })
    const a = await registry.lease(spec('a'))
    const order: string[] = []
    const waiting = ['b', 'c'].map(name => registry.lease(spec(name)).then((lease) => {
      order.push(name)
      return lease
    }))
    await clock.advance(10)
    a.release()
    ;(await waiting[0]!).release()
    await waiting[1]
    expect(order).toEqual(['b', 'c'])
    const late = registry.lease(spec('d'))
    const rejected = expect(late).rejects.toMatchObject({ code: 'DATABASE_BUSY', statusCode: 503, retryAfter: 5 })
    await clock.advance(5000)
    await rejected
    expect(registry.gauges().waiting).toBe(0)
  })

  it('lets a busy client go when somebody has waited long, so that steady load starves nobody', async () => {
    const { registry, clock, made } = createWorld({ maxConnections: 3 })
    let held = await registry.lease(spec('hot'))
    let served = false
    void registry.lease(spec('cold')).then(() => served = true)
    for (let step = 0; step < 50 && !served; step++) {
      await clock.advance(10)
      const next = registry.lease(spec('hot'))
      next.catch(() => {})
      held.release()
      const winner = await Promise.race([next, settle().then(settle).then(() => undefined)])
      if (!winner) break
      held = winner
    }
    await settle()
    expect(served).toBe(true)
    expect(made.map(({ key }) => key)).toEqual(['hot', 'cold'])
  })

  it('leaves a client that must go to those who hold it, until the last of them is done', async () => {
    const { registry, clock, made } = createWorld({ maxConnections: 3 })
    const [one, two] = await Promise.all([registry.lease(spec('a')), registry.lease(spec('a'))])
    const next = registry.lease(spec('b'))
    await clock.advance(300)
    one!.release()
    await settle()
    expect(two!.client.query()).toBe('a:0')
    two!.release()
    expect((await next).client.query()).toBe('b:1')
    expect(made.map(({ state }) => state)).toEqual(['gone', 'open'])
  })

  it('ends idle clients after the idle timeout, and not the pinned one', async () => {
    const { registry, clock, made } = createWorld({ sync: true })
    registry.pin(spec('default'))
    expect(made).toHaveLength(0)
    expect(registry.gauges()).toMatchObject({ clients: 0, reserved: 3 })
    registry.leaseNow(spec('default')).release()
    ;(await registry.lease(spec('a'))).release()
    await clock.advance(59_999)
    ;(await registry.lease(spec('a'))).release()
    await clock.advance(59_999)
    expect(made.map(({ state }) => state)).toEqual(['open', 'open'])
    await clock.advance(1)
    expect(made.map(({ state }) => state)).toEqual(['open', 'gone'])
    registry.pin(spec('one'))
    registry.pin(spec('two'))
    expect(() => registry.pin(spec('three'))).toThrow('raise maxConnections (9) to pool.max (3)')
  })

  it('keeps the place of a client whose disconnect hangs, and says so once', async () => {
    const { registry, clock, made, warnings } = createWorld({ manual: true, maxConnections: 3, disconnectTimeout: 5000 })
    const first = registry.lease(spec('a'))
    made[0]!.settleFactory(true)
    ;(await first).release()
    const refused = expect(registry.lease(spec('b'))).rejects.toMatchObject({ statusCode: 503 })
    await clock.advance(20_000)
    await refused
    expect(registry.gauges()).toMatchObject({ clients: 1, reserved: 3, stuck: 1 })
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).not.toContain('secret')
    const waiting = registry.lease(spec('b'))
    made[0]!.settleDisconnect(false)
    await settle()
    made[1]!.settleFactory(true)
    await waiting
    expect(registry.gauges()).toMatchObject({ clients: 1, stuck: 0 })
  })

  it('lets a factory that hangs fail its callers and ends what it makes too late', async () => {
    const { registry, clock, made } = createWorld({ manual: true })
    const refused = expect(registry.lease(spec('a'))).rejects.toMatchObject({ code: 'DATABASE_BUSY' })
    await clock.advance(1000)
    await refused
    const again = registry.lease(spec('a'))
    expect(made).toHaveLength(2)
    expect(registry.gauges().reserved).toBe(6)
    made[1]!.settleFactory(true)
    await again
    made[0]!.settleFactory(true)
    await settle()
    expect(made[0]!.state).toBe('ending')
  })

  it('refuses a client that it could not end', async () => {
    const { registry } = createWorld({ factory: (() => ({ query: () => '' })) as never })
    await expect(registry.lease(spec('a'))).rejects.toThrow('has no $disconnect, end, close or destroy')
    expect(registry.gauges().reserved).toBe(0)
  })

  it('tries the factory of a pinned client again, and names one that is not done', async () => {
    let calls = 0
    const { registry } = createWorld({ factory: (() => {
      if (calls++ === 0) throw new Error('bad address')
      return { query: () => 'ok', end: () => {} }
    }) as never })
    registry.pin(spec('a'))
    expect(() => registry.leaseNow(spec('a'))).toThrow('created no client for "a" (postgresql://db:5432/a): bad address.')
    expect(registry.leaseNow(spec('a')).client.query()).toBe('ok')
    const slow = createWorld({ manual: true })
    slow.registry.pin(spec('a'))
    expect(() => slow.registry.leaseNow(spec('a'))).toThrow('the factory has not finished')
  })

  it('close: refuses, lets leases end, then disconnects everything, also what is still held', async () => {
    const { registry, clock, made } = createWorld({ maxConnections: 6, drainTimeout: 5000 })
    const [a, b] = await Promise.all([registry.lease(spec('a')), registry.lease(spec('b'))])
    const waiting = expect(registry.lease(spec('c'))).rejects.toMatchObject({ code: 'DATABASE_CLOSED', statusCode: 503 })
    let closed = false
    const close = registry.close().then(() => closed = true)
    await waiting
    await expect(registry.lease(spec('a'))).rejects.toMatchObject({ code: 'DATABASE_CLOSED' })
    a!.release()
    await clock.advance(4999)
    expect(made.map(({ state }) => state)).toEqual(['gone', 'open'])
    expect(b!.client.query()).toBe('b:1')
    expect(closed).toBe(false)
    await clock.advance(1)
    await close
    expect(made.every(({ state }) => state === 'gone')).toBe(true)
    b!.release()
    expect(registry.gauges()).toEqual({ clients: 0, reserved: 0, waiting: 0, leases: 0, stuck: 0 })
    expect(clock.pending).toBe(0)
  })
})

describe('under random schedules', () => {
  const mostly = fc.integer({ min: 0, max: 7 }).map(number => number > 0)
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('lease' as const), key: fc.integer({ min: 0, max: 4 }) }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('release' as const), pick: fc.nat() }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('made' as const), pick: fc.nat(), ok: mostly }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('disconnected' as const), pick: fc.nat(), ok: mostly }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance' as const), by: fc.integer({ min: 1, max: 900 }) }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'flush' as const }) },
  )

  it('the budget holds, every caller gets an answer, and nobody gets a client that is being ended', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 3 }), fc.boolean(), async (steps, places, pinned) => {
      const { registry, clock, made, held } = createWorld({ manual: true, maxConnections: places * 3 + 2, idleTimeout: 2000 })
      if (pinned) registry.pin(spec('0'))
      const out: (DatabaseLease<FakeClient> & { name: string })[] = []
      let open = 0
      const failures: unknown[] = []
      const check = () => {
        expect(held()).toBeLessThanOrEqual(places * 3 + 2)
        const gauges = registry.gauges()
        expect(gauges.reserved).toBeLessThanOrEqual(places * 3 + 2)
        expect(held()).toBeLessThanOrEqual(gauges.reserved)
        expect(gauges.leases).toBeGreaterThanOrEqual(out.length)
        for (const lease of out) expect(lease.client.query().startsWith(`${lease.name}:`)).toBe(true)
      }
      const pickOf = (state: Made['state'], pick: number) => {
        const fits = made.filter(entry => entry.state === state)
        return fits[pick % fits.length]
      }
      for (const action of steps) {
        if (action.kind === 'lease') {
          const name = String(action.key)
          open++
          registry.lease(spec(name)).then(lease => out.push({ ...lease, name }), error => failures.push(error)).finally(() => open--)
        }
        else if (action.kind === 'release') out.splice(action.pick % (out.length || 1), 1)[0]?.release()
        else if (action.kind === 'made') pickOf('making', action.pick)?.settleFactory(action.ok)
        else if (action.kind === 'disconnected') pickOf('ending', action.pick)?.settleDisconnect(action.ok)
        else if (action.kind === 'advance') await clock.advance(action.by)
        else await settle()
        check()
      }
      // Whatever hangs, each caller has its answer by the acquire timeout.
      await clock.advance(1000)
      expect(open).toBe(0)
      check()
      expect(registry.gauges().waiting).toBe(0)
      for (const failure of failures) expect(failure).toMatchObject({ code: expect.stringMatching(/^DATABASE_(BUSY|FACTORY)$/) })
      // With everything given back and answered, nothing is left but the pinned place.
      out.splice(0).forEach(lease => lease.release())
      for (let turn = 0; turn < 3; turn++) {
        made.filter(({ state }) => state === 'making').forEach(entry => entry.settleFactory(true))
        await clock.advance(2000)
        made.filter(({ state }) => state === 'ending').forEach(entry => entry.settleDisconnect(true))
        await settle()
      }
      const keptByPin = pinned ? made.filter(({ state }) => state === 'open').length : 0
      expect(keptByPin).toBeLessThanOrEqual(1)
      expect(registry.gauges()).toEqual({ clients: keptByPin, reserved: pinned ? 3 : 0, waiting: 0, leases: 0, stuck: 0 })
      expect(held()).toBe(keptByPin * 3)
      expect(clock.pending).toBe(0)
    }), { numRuns: 1000 })
  })
})
