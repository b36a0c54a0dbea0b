import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { currentTenant, runAsTenant } from '../../src/runtime/server/request/call-context'
import { createTenant, createTenantDirectory } from '../../src/runtime/server/tenancy/directory'
import { tenancySettings } from '../../src/runtime/server/tenancy/settings'
import type { TenantRecord } from '../../src/runtime/server/tenancy/types'

const settings = tenancySettings.resolveGiven({ map: { acme: 'DATABASE_URL_ACME', globex: { url: 'postgres://h/globex', schema: 'g' } }, cacheTtl: '60s' })

function withSource(answer: (id: string) => TenantRecord | undefined | Promise<TenantRecord | undefined>) {
  const clock = { now: 1 }
  const asked: string[] = []
  const directory = createTenantDirectory(settings, (id) => {
    asked.push(id)
    return answer(id)
  }, () => clock.now)
  return { directory, asked, clock }
}

describe('the directory', () => {
  it('knows what the options list, at once', () => {
    const { find } = createTenantDirectory(settings)
    expect(find('acme')).toEqual({ url: 'DATABASE_URL_ACME' })
    expect(find('globex')).toEqual({ url: 'postgres://h/globex', schema: 'g' })
  })

  it.each(['other', '__proto__', 'constructor', 'toString', 'hasOwnProperty', ''])('does not know %j', (id) => {
    expect(createTenantDirectory(settings).find(id)).toBeUndefined()
  })

  it('asks the source once for many at a time, and keeps the answer for its time', async () => {
    const { directory, asked, clock } = withSource(async id => ({ url: `postgres://h/${id}` }))
    const answers = await Promise.all(Array.from({ length: 50 }, () => directory.find('initech')))
    expect(new Set(answers).size).toBe(1)
    expect(directory.find('initech')).toBe(answers[0])
    clock.now = 60_000
    expect(directory.find('initech')).toBe(answers[0])
    clock.now = 60_002
    await directory.find('initech')
    expect(asked).toEqual(['initech', 'initech'])
  })

  it('keeps that there is no such tenant, for a shorter time', async () => {
    const { directory, asked, clock } = withSource(() => undefined)
    expect(await directory.find('nobody')).toBeUndefined()
    clock.now = 10_000
    expect(directory.find('nobody')).toBeUndefined()
    clock.now = 10_002
    await directory.find('nobody')
    expect(asked).toHaveLength(2)
  })

  it('never asks for what is no id', () => {
    const { directory, asked } = withSource(() => ({}))
    expect(directory.find('No Id')).toBeUndefined()
    expect(asked).toEqual([])
  })

  it('remembers no more than its bound, and guesses do not push out tenants', async () => {
    const { directory, asked } = withSource(id => id.startsWith('real') ? {} : undefined)
    await directory.find('real-1')
    for (let guess = 0; guess < 25_000; guess++) await directory.find(`guess-${guess}`)
    asked.length = 0
    await directory.find('real-1')
    await directory.find('guess-24999')
    expect(asked).toEqual([])
    await directory.find('guess-0')
    expect(asked).toEqual(['guess-0'])
  })

  it('asks on behalf of nobody, whoever comes first', async () => {
    const seen: unknown[] = []
    const { directory } = withSource(() => {
      seen.push(currentTenant())
      return {}
    })
    await runAsTenant(createTenant('acme', {}, {}), () => directory.find('initech'))
    expect(seen).toEqual([undefined])
  })

  it('answers 503 when the source fails, and asks again', async () => {
    let fails = true
    const { directory } = withSource(async () => {
      if (fails) throw new Error('connect ECONNREFUSED postgres://admin:secret@db')
      return {}
    })
    const error = await Promise.resolve(directory.find('initech')).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ statusCode: 503, retryAfter: 1 })
    expect(String(error)).not.toContain('secret')
    fails = false
    expect(await directory.find('initech')).toEqual({})
  })
})

describe('a tenant', () => {
  const environment = { DATABASE_URL_ACME: 'postgres://user:secret@db/acme' }
  const tenant = createTenant('acme', { url: 'DATABASE_URL_ACME' }, environment)

  it('has its database, found where the server runs', () => {
    expect(tenant.dbUrl).toBe('postgres://user:secret@db/acme')
    expect(createTenant('globex', { url: 'mysql://h/g' }, environment).dbUrl).toBe('mysql://h/g')
    expect(createTenant('none', {}, environment).dbUrl).toBeUndefined()
    expect(createTenant('unset', { url: 'NOT_SET' }, environment).dbUrl).toBeUndefined()
  })

  it('shows it to nobody', () => {
    const context = { tenant }
    for (const shown of [JSON.stringify(context), inspect(context, { depth: 9, showHidden: true }), String(Object.entries(tenant)), JSON.stringify({ ...tenant })]) {
      expect(shown).not.toMatch(/secret|DATABASE_URL/)
    }
  })

  it('cannot be changed', () => {
    expect(Object.isFrozen(tenant)).toBe(true)
    expect(() => Object.assign(tenant, { id: 'globex' })).toThrow(TypeError)
  })
})
