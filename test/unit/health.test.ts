import { describe, expect, it } from 'vitest'
import { createHealth } from '../../src/runtime/server/health/check'
import { resolveHealthSettings } from '../../src/runtime/server/health/settings'

const works = { name: 'works', run: async () => 'pong' }
const fails = { name: 'fails', run: async () => Promise.reject(new Error('redis://secret@10.0.0.1 is down')) }
const throws = { name: 'throws', run: () => {
  throw new Error('at once')
} }
const hangs = { name: 'hangs', run: () => new Promise(() => {}) }

describe('health', () => {
  it('is ok without dependencies and while all of them answer', async () => {
    expect(await createHealth([], { timeout: 100, cacheTtl: 0 })()).toMatchObject({ status: 'ok', checks: {} })
    const report = await createHealth([works], { timeout: 100, cacheTtl: 0 })()
    expect(report.status).toBe('ok')
    expect(Number.isNaN(Date.parse(report.timestamp))).toBe(false)
  })

  it.each([[fails], [throws], [hangs]])('is an error when a dependency $name', async (check) => {
    const report = await createHealth([works, check], { timeout: 50, cacheTtl: 0 })()
    expect(report.status).toBe('error')
    expect(report.checks).toMatchObject({ works: { status: 'ok' }, [check.name]: { status: 'error' } })
    expect(JSON.stringify(report)).not.toContain('secret')
  })

  it('asks once for many probes, and again when the answer is old', async () => {
    let runs = 0
    const counted = { name: 'counted', run: async () => {
      runs++
    } }
    const cached = createHealth([counted], { timeout: 50, cacheTtl: 60_000 })
    await Promise.all(Array.from({ length: 50 }, cached))
    await cached()
    expect(runs).toBe(1)
    const fresh = createHealth([counted], { timeout: 50, cacheTtl: 0 })
    await fresh()
    await fresh()
    expect(runs).toBe(3)
  })

  it('refuses options that cannot be', () => {
    expect(() => resolveHealthSettings({ path: 'health' })).toThrow('scale.health.path is "health"')
    expect(() => resolveHealthSettings({ timeout: 'soon' })).toThrow('scale.health.timeout is "soon"')
    expect(() => resolveHealthSettings({ details: 'sometimes' as never })).toThrow('scale.health.details is "sometimes"')
    expect(() => resolveHealthSettings({ checks: [] } as never)).toThrow('scale.health.checks is not an option')
  })
})
