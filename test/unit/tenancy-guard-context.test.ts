import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as h3 from 'h3'
import type { H3Event } from 'h3'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { withContextSetter } from '../../src/build/nitro-patches'
import { createTenantGuard, REFUSED_ASSIGNMENT } from '../../src/runtime/server/tenancy/guard-context'
import { createTenant } from '../../src/runtime/server/tenancy/directory'
import type { Tenant } from '../../src/runtime/server/tenancy/types'

const acme = createTenant('acme', {}, {})
const other = createTenant('globex', {}, {})

/** h3 as a production build has it, beside the one of development. */
const directory = resolve('test/.tmp/tenancy-guard-context')
mkdirSync(directory, { recursive: true })
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const source = readFileSync('node_modules/h3/dist/index.mjs', 'utf8')
writeFileSync(join(directory, 'h3.mjs'), withContextSetter(source))
const built = await import(pathToFileURL(join(directory, 'h3.mjs')).href) as typeof h3
const kinds = { development: h3, production: built }
let createEvent = h3.createEvent

function newEvent(): H3Event {
  const req = new IncomingMessage(new Socket())
  return createEvent(req, new ServerResponse(req))
}

function eventOf(tenant: Tenant | undefined, refuse: () => void): H3Event {
  const event = newEvent()
  createTenantGuard(refuse)(event, tenant)
  return event
}

const foreign = eventOf(other, () => {}).context
type Loose = Record<string, unknown>
const attempts: [string, (event: { context: Loose }) => void][] = [
  ['an assignment', (event) => { event.context.tenant = other }],
  ['an assignment of nothing', (event) => { event.context.tenant = undefined }],
  ['Object.assign', (event) => { Object.assign(event.context, { tenant: other }) }],
  ['Object.assign of another request', (event) => { Object.assign(event.context, foreign) }],
  ['a new context', (event) => { event.context = { tenant: other } }],
  ['a copy with another tenant', (event) => { event.context = { ...event.context, tenant: other } }],
  ['a context whose tenant cannot be replaced', (event) => { event.context = Object.defineProperty({}, 'tenant', { value: other }) }],
  ['a frozen context', (event) => { event.context = Object.freeze({ tenant: other }) }],
  ['a context that inherits', (event) => { Object.create(event.context).tenant = other }],
  ['the context of another request', (event) => { event.context = foreign as never }],
]

it('a built server has a setter for the context of events, and the lines of h3 stay where they are', () => {
  const code = withContextSetter(source)
  expect(code).not.toBe(source)
  expect(code.split('\n')).toHaveLength(source.split('\n').length)
  expect(withContextSetter('class Other {\n  context = {};\n}')).toBe('class Other {\n  context = {};\n}')
  const event = new built.H3Event({} as never, {} as never)
  event.context = { own: 1 }
  expect([Object.hasOwn(event, 'context'), event.context]).toEqual([false, { own: 1 }])
})

describe.each([
  ['a tenant, in development', acme, 'development'], ['no tenant, in development', undefined, 'development'],
  ['a tenant', acme, 'production'], ['no tenant', undefined, 'production'],
] as const)('the context of a request with %s', (_, tenant, kind) => {
  beforeAll(() => {
    createEvent = kinds[kind].createEvent
  })

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
    if (kind === 'development') expect(Reflect.defineProperty(event, 'context', { value: { tenant: other } })).toBe(false)
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

it.each(['development', 'production'] as const)('refuses what was set before the tenant was known (%s)', (kind) => {
  createEvent = kinds[kind].createEvent
  const refuse = vi.fn()
  const event = newEvent()
  ;(event.context as Loose).tenant = other
  createTenantGuard(refuse)(event, acme)
  expect(event.context.tenant).toBe(acme)
  expect(refuse).toHaveBeenCalledTimes(1)
})
