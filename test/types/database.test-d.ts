import { describe, expectTypeOf, it } from 'vitest'
import { defineScaleConfig, defineScaleDatabase } from '../../src/config'
import type { ModuleOptions } from '../../src/module'
import { createPrismaClient } from '../../src/prisma'
import type { ClientOfRegister, DatabaseFactoryInput, ScaleDatabaseClient } from '../../src/runtime/server/database/types'
import { getShardForUser, scatter } from '../../src/runtime/server/shards/utils'
import { getTenantPrismaClient, usePrisma, withTenantDatabase } from '../../src/runtime/server/database/utils'

/** The shape of a generated constructor: generic, with a narrow argument. */
declare class FakePrisma<Log extends string = never> {
  constructor(options: { adapter: object, log?: Log[], accelerateUrl?: string })
  item: { findMany: () => Promise<{ id: number }[]> }
  $disconnect(): Promise<void>
}

const factory = defineScaleDatabase(input => createPrismaClient(FakePrisma, input))
const asyncFactory = defineScaleDatabase(async ({ url }) => ({ url, stop: () => {} }), { dispose: client => client.stop() })

/** What the module writes into an app: here it makes the helpers of this program concrete. */
declare module '../../src/runtime/server/database/types' {
  interface ScaleDatabaseRegister {
    client: Awaited<ReturnType<typeof factory>>
  }
}

describe('the types of the database feature', () => {
  it('give the factory its input and keep what it makes', () => {
    expectTypeOf(factory).parameter(0).toEqualTypeOf<DatabaseFactoryInput>()
    expectTypeOf(factory).returns.not.toBeAny()
    expectTypeOf(factory({} as DatabaseFactoryInput).item.findMany()).toEqualTypeOf<Promise<{ id: number }[]>>()
    expectTypeOf(asyncFactory({} as DatabaseFactoryInput)).toEqualTypeOf<Promise<{ url: string, stop: () => void }>>()
  })

  it('flow to every helper', () => {
    expectTypeOf<ScaleDatabaseClient>().not.toBeAny()
    expectTypeOf(usePrisma()).toEqualTypeOf<ScaleDatabaseClient>()
    expectTypeOf(usePrisma().item.findMany()).toEqualTypeOf<Promise<{ id: number }[]>>()
    expectTypeOf(getTenantPrismaClient('acme')).toEqualTypeOf<Promise<ScaleDatabaseClient>>()
    expectTypeOf(withTenantDatabase('acme', client => client.item.findMany())).toEqualTypeOf<Promise<{ id: number }[]>>()
    expectTypeOf(getTenantPrismaClient('acme', { role: 'auto' })).toEqualTypeOf<Promise<ScaleDatabaseClient>>()
    expectTypeOf(withTenantDatabase('acme', client => client.item.findMany(), { role: 'reader' })).toEqualTypeOf<Promise<{ id: number }[]>>()
    expectTypeOf(getShardForUser('eu-1', { role: 'reader' })).toEqualTypeOf<ScaleDatabaseClient>()
    expectTypeOf(scatter(client => client.item.findMany(), { role: 'auto' })).toEqualTypeOf<Promise<{ id: number }[][]>>()
    // @ts-expect-error no such copy
    void getTenantPrismaClient('acme', { role: 'replica' })
    // @ts-expect-error no such model
    void usePrisma().order
  })

  it('are unknown, and not any, before there is a factory', () => {
    expectTypeOf<ClientOfRegister<object>>().toEqualTypeOf<unknown>()
  })

  it('refuse what is no option', () => {
    // @ts-expect-error the module brings the adapter
    void createPrismaClient(FakePrisma, { url: '' }, { adapter: {} })
    void createPrismaClient(FakePrisma, { url: '' }, { log: [] })
    // @ts-expect-error an unknown option of the feature
    void ({ database: { maxPools: 1 } } satisfies ModuleOptions)
    void ({ tenancy: { map: { acme: { url: 'A', replicas: ['B'] } } }, shards: { map: { eu: { url: 'A', replicas: 'B,C' } } } } satisfies ModuleOptions)
    const config = defineScaleConfig({ authorize: (event, tenantId) => event.path.includes(tenantId), tenants: async id => ({ url: id }) })
    expectTypeOf(config.tenants).returns.toEqualTypeOf<Promise<{ url: string }>>()
    void defineScaleConfig({ listTenants: async () => ({ acme: { url: 'A', schema: 'acme' }, globex: 'B' }) })
    void defineScaleConfig({ tenantByDomain: async domain => domain === 'acme.com' ? 'acme' : undefined })
    // @ts-expect-error a list of ids says not where they are
    void defineScaleConfig({ listTenants: () => ['acme'] })
    // @ts-expect-error a tenant is a string
    void defineScaleConfig({ tenant: () => 1 })
  })
})
