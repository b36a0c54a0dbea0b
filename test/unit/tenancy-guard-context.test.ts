import { createEvent } from 'h3'
import type { H3Event } from 'h3'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import { createTenantGuard, REFUSED_ASSIGNMENT } from '../../src/runtime/server/tenancy/guard-context'
import { createTenant } from '../../src/runtime/server/tenancy/tenant'
import type { Tenant } from '../../src/runtime/server/tenancy/types'

const acme = createTenant('acme', {}, {})
const other = createTenant('globex', {}, {})

function eventOf(tenant: Tenant | undefined, refuse: () => void): H3Event {
  const req = new IncomingMessage(new Socket())
  const event = createEvent(req, new ServerResponse(req))
  createTenantGuard(refuse)(event, tenant)
  return event
}

type Loose = Record<string, unknown>
const attempts: [string, (event: { context: Loose }) => void][] = [
  ['an assignment', (event) => { event.context.tenant = other }],
  ['an assignment of nothing', (event) => { event.context.tenant = undefined }],
  ['Object.assign', (event) => { Object.assign(event.context, { tenant: other }) }],
  ['a new context', (event) => { event.context = { tenant: other } }],
  ['a copy with another tenant', (event) => { event.context = { ...event.context, tenant: other } }],
  ['a frozen context', (event) => { event.context = Object.freeze({ tenant: other }) }],
  ['a context that inherits', (event) => { Object.create(event.context).tenant = other }],
  ['the context of another request', (event) => { event.context = eventOf(other, () => {}).context }],
]

describe.each([['a tenant', acme], ['no tenant', undefined]] as const)('the context of a request with %s', (_, tenant) => {
  it.each(attempts)('keeps it whatever is done: %s', (name, attempt) => {
    const refuse = vi.fn()
    const event = eventOf(tenant, refuse)
    attempt(event as unknown as { context: Loose })
    expect(event.context.tenant).toBe(tenant)
    if (tenant || !name.includes('of nothing')) expect(refuse).toHaveBeenCalledTimes(1)
    // Again, in case the first attempt opened a way.
    attempt(event as unknown as { context: Loose })
    expect(event.context.tenant).toBe(tenant)
  })

  it.each(attempts)('throws where the refusal throws, and stays as it was: %s', (name, attempt) => {
    const event = eventOf(tenant, () => {
      throw new TypeError(REFUSED_ASSIGNMENT)
    })
    const before = event.context
    if (tenant || !name.includes('of nothing')) expect(() => attempt(event as unknown as { context: Loose })).toThrow(REFUSED_ASSIGNMENT)
    expect(event.context).toBe(before)
    expect(event.context.tenant).toBe(tenant)
  })

  it('cannot lose it', () => {
    const refuse = vi.fn()
    const event = eventOf(tenant, refuse)
    expect(Reflect.deleteProperty(event.context, 'tenant')).toBe(false)
    expect(Reflect.defineProperty(event.context, 'tenant', { value: other })).toBe(false)
    expect(Reflect.defineProperty(event, 'context', { value: { tenant: other } })).toBe(false)
    event.context = {}
    expect(event.context.tenant).toBe(tenant)
    event.context = { ...event.context, user: 'ada' } as never
    event.context = Object.create(event.context) as never
    expect(event.context).toMatchObject({ user: 'ada' })
    expect(event.context.tenant).toBe(tenant)
    event.context = undefined as never
    expect(event.context.tenant).toBe(tenant)
    expect(refuse).not.toHaveBeenCalled()
    expect(JSON.stringify({ ...event.context })).toBe(tenant ? '{"tenant":{"id":"acme"}}' : '{}')
  })
})

it('refuses what was set before the tenant was known', () => {
  const refuse = vi.fn()
  const req = new IncomingMessage(new Socket())
  const event = createEvent(req, new ServerResponse(req))
  ;(event.context as Loose).tenant = other
  createTenantGuard(refuse)(event, acme)
  expect(event.context.tenant).toBe(acme)
  expect(refuse).toHaveBeenCalledTimes(1)
})
