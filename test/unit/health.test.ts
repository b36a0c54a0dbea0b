import { describe, expect, it, vi } from 'vitest'
import type { HealthCheck } from '../../src/runtime/server/health/report'
import { appChecks, featureChecks } from '../../src/runtime/server/health/configured-checks'
import { watchEventLoopLag } from '../../src/runtime/server/health/event-loop-lag'
import { createProbes } from '../../src/runtime/server/health/probes'
import { createReporter } from '../../src/runtime/server/health/report'
import { healthSettings } from '../../src/runtime/server/health/settings'
import { createProbe } from '../../src/runtime/server/core/probe'
import { waitFor } from '../support/wait'

const check = (name: string, run: HealthCheck['run'], level: HealthCheck['level'] = 'critical'): HealthCheck => ({ name, level, timeout: 50, run })
const works = check('works', async () => 'pong')
const fails = check('fails', async () => Promise.reject(new Error('redis://secret@10.0.0.1 is down')))
const throws = check('throws', () => {
  throw new Error('at once')
})
const hangs = check('hangs', () => new Promise(() => {}))
const says = check('says', () => false)
const report = (...checks: HealthCheck[]) => createReporter({ checks, cacheTtl: 0 })()

describe('the report', () => {
  it('is ok without dependencies and while all of them answer', async () => {
    expect(await report()).toMatchObject({ status: 'ok', checks: {} })
    const seen = await report(works)
    expect(seen.status).toBe('ok')
    expect(Number.isNaN(Date.parse(seen.timestamp))).toBe(false)
  })

  it.each([[fails], [throws], [hangs], [says]])('is an error when a critical check $name, and degraded when another does', async (failing) => {
    const seen = await report(works, failing)
    expect(seen.status).toBe('error')
    expect(seen.checks).toMatchObject({ works: { status: 'ok' }, [failing.name]: { status: 'error', level: 'critical' } })
    expect(JSON.stringify(seen)).not.toContain('secret')
    expect(await report(works, { ...failing, level: 'degraded' })).toMatchObject({ status: 'degraded', checks: { [failing.name]: { status: 'error', level: 'degraded' } } })
    expect((await report({ ...failing, level: 'degraded' }, failing)).status).toBe('error')
  })

  it('asks once for many probes, and again when the answer is old', async () => {
    const run = vi.fn()
    const cached = createReporter({ checks: [check('counted', run)], cacheTtl: 60_000 })
    await Promise.all(Array.from({ length: 50 }, cached))
    await cached()
    expect(run).toHaveBeenCalledTimes(1)
    const fresh = createReporter({ checks: [check('counted', run)], cacheTtl: 0 })
    await fresh()
    await fresh()
    expect(run).toHaveBeenCalledTimes(3)
  })

  it('tells of a change once, without what an error says', async () => {
    let down = false
    const changes: unknown[] = []
    const flaky = check('flaky', async () => {
      if (down) throw Object.assign(new TypeError('redis://secret@10.0.0.1'), { code: 'ECONNREFUSED' })
    })
    const look = createReporter({ checks: [flaky], cacheTtl: 0, onChange: ({ name }, fault) => changes.push([name, fault]) })
    await look()
    down = true
    await look()
    await look()
    down = false
    await look()
    expect(changes).toEqual([['flaky', 'TypeError ECONNREFUSED'], ['flaky', undefined]])
  })
})

describe('a check that hangs', () => {
  it('is not begun again on top of itself, until it has hung for ten deadlines', async () => {
    let now = 0
    const run = vi.fn((_signal: AbortSignal) => new Promise(() => {}))
    const probe = createProbe({ ...check('hung', run), timeout: 5 }, () => now)
    expect([await probe(), await probe(), await probe()]).toEqual(Array.from({ length: 3 }, () => 'no answer within 5 ms'))
    expect(run).toHaveBeenCalledTimes(1)
    await waitFor(() => run.mock.calls[0]![0].aborted)
    now = 51
    await probe()
    expect(run).toHaveBeenCalledTimes(2)
  })

  it('passes as soon as it answers', async () => {
    let answer!: () => void
    const run = vi.fn(() => new Promise<void>(resolve => answer = resolve))
    const probe = createProbe({ ...check('late', run), timeout: 20 })
    expect(await probe()).toBe('no answer within 20 ms')
    const second = probe()
    answer()
    expect(await second).toBeUndefined()
    expect(run).toHaveBeenCalledTimes(1)
  })
})

describe('the probes', () => {
  const world = ({ checks = [works] as HealthCheck[], draining = false, lag = 0, maxEventLoopLag = undefined as number | undefined } = {}) => {
    const state = { draining, lag, checks }
    const probes = createProbes({ report: () => report(...state.checks), isDraining: () => state.draining, lag: () => ({ mean: state.lag, max: state.lag }), maxEventLoopLag })
    return { state, probes }
  }

  it('are live whatever is down, and ready only while nothing critical is', async () => {
    const { probes } = world({ checks: [fails, hangs] })
    expect(probes.live()).toMatchObject({ code: 200, status: 'ok' })
    expect(await probes.ready()).toMatchObject({ code: 503, status: 'error' })
    expect(await world({ checks: [{ ...fails, level: 'degraded' }] }).probes.ready()).toMatchObject({ code: 200, status: 'degraded' })
  })

  it('are not ready while the instance drains, without asking anybody', async () => {
    const run = vi.fn()
    const { probes } = world({ draining: true, checks: [check('asked', run)] })
    expect(await probes.ready()).toMatchObject({ code: 503, status: 'error' })
    expect(run).not.toHaveBeenCalled()
    expect(probes.live().code).toBe(200)
  })

  it('have started once, for good', async () => {
    const { state, probes } = world({ checks: [fails] })
    expect((await probes.startup()).code).toBe(503)
    state.checks = [works]
    expect((await probes.startup()).code).toBe(200)
    state.checks = [fails]
    expect((await probes.startup()).code).toBe(200)
    expect((await probes.ready()).code).toBe(503)
  })

  it('are not live above the limit of lag, and without a limit always', () => {
    expect(world({ lag: 501, maxEventLoopLag: 500 }).probes.live()).toMatchObject({ code: 503, status: 'error' })
    expect(world({ lag: 500, maxEventLoopLag: 500 }).probes.live().code).toBe(200)
    expect(world({ lag: 60_000 }).probes.live().code).toBe(200)
  })
})

it('the lag of the event loop shows a pause at once, and behind it', async () => {
  const watch = watchEventLoopLag()
  const end = performance.now() + 400
  while (performance.now() < end);
  expect(watch.read().max).toBeGreaterThan(250)
  await waitFor(() => watch.read().mean < watch.read().max)
  expect(watch.read().max).toBeGreaterThan(250)
  watch.stop()
})

describe('the checks', () => {
  const settings = healthSettings.resolveGiven({ timeout: '2s', checks: { redis: 'critical', shards: false } })

  it('of features have the level that the settings give them', async () => {
    const run = vi.fn(async () => {})
    const provided = [
      { name: 'redis', feature: 'redis', run },
      { name: 'rabbitmq', feature: 'rabbitmq', run },
      { name: 'shard eu', feature: 'shards', run },
      { name: 'database', feature: 'database', run },
      { name: 'tenant acme', feature: 'tenants', run },
    ] as const
    const checks = featureChecks(provided, settings)
    expect(checks.map(({ name, level }) => [name, level])).toEqual([['redis', 'critical'], ['rabbitmq', 'degraded'], ['database', 'critical'], ['tenant acme', 'degraded']])
    await checks[0]!.run(AbortSignal.timeout(1))
    expect(run).toHaveBeenCalledWith(2000)
    expect(featureChecks([{ name: 'rabbitmq', feature: 'rabbitmq', essential: true, run }], settings)).toMatchObject([{ level: 'critical' }])
  })

  it('of the app are critical, with the deadline of all, unless they say something else', async () => {
    const seen: AbortSignal[] = []
    const checks = appChecks({ search: ({ signal }) => seen.push(signal), mail: { check: () => true, level: 'degraded', timeout: '300ms' } }, 2000)
    expect(checks).toMatchObject([{ name: 'search', level: 'critical', timeout: 2000 }, { name: 'mail', level: 'degraded', timeout: 300 }])
    const signal = AbortSignal.timeout(1)
    await checks[0]!.run(signal)
    expect(seen).toEqual([signal])
    expect(appChecks(undefined, 1)).toEqual([])
  })

  it.each<[object, string]>([
    [{ search: 'http://a' }, 'healthChecks of server/scale.config.ts: search must be a function or an object: write a function, or { check, level, timeout }.'],
    [{ search: { check: () => {}, level: 'fatal' } }, 'search.level is "fatal": write \'critical\', \'degraded\'.'],
    [{ search: { check: () => {}, every: 5 } }, 'search.every is not an option'],
    [{ search: { check: () => {}, timeout: 'soon' } }, 'search.timeout is "soon"'],
    [{ redis: () => {} }, 'redis has a name that is reserved for a feature of nuxt-scale: use another name.'],
    [{ 'shard eu': () => {} }, 'shard eu has a name that is reserved for a feature'],
  ])('of the app are refused when they are wrong: %j', (functions, sentence) => {
    expect(() => appChecks(functions as never, 1000)).toThrow(sentence)
  })
})

it('options that cannot be are refused', () => {
  expect(() => healthSettings.resolveGiven({ path: 'health' })).toThrow('scale.health.path is "health"')
  expect(() => healthSettings.resolveGiven({ path: '/' })).toThrow('scale.health.path is "/"')
  expect(() => healthSettings.resolveGiven({ timeout: 'soon' })).toThrow('scale.health.timeout is "soon"')
  expect(() => healthSettings.resolveGiven({ details: 'sometimes' as never })).toThrow('scale.health.details is "sometimes"')
  expect(() => healthSettings.resolveGiven({ checks: [] as never })).toThrow('scale.health.checks is []: write an object.')
  expect(() => healthSettings.resolveGiven({ checks: { redis: 'fatal' as never } })).toThrow('scale.health.checks.redis is "fatal"')
  expect(() => healthSettings.resolveGiven({ checks: { mysql: 'critical' } as never })).toThrow('scale.health.checks.mysql is not an option')
  expect(() => healthSettings.resolveGiven({ maxEventLoopLag: 'much' })).toThrow('scale.health.maxEventLoopLag is "much"')
  expect(healthSettings.resolveGiven({ maxEventLoopLag: '5s', checks: { database: 'false' as never } })).toMatchObject({ maxEventLoopLag: 5000, checks: { database: false } })
  expect(healthSettings.resolveGiven({}).maxEventLoopLag).toBeUndefined()
})
