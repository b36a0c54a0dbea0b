import { describe, expectTypeOf, it } from 'vitest'
import type { ModuleOptions } from '../../src/module'
import { invalidateCacheTags } from '../../src/runtime/server/cache/utils'
import type { Tenant, TenancyFunctions, TenantRecord } from '../../src/runtime/server/tenancy/types'
import { useTenant, withTenant } from '../../src/runtime/server/tenancy/utils'

describe('the types of tenants', () => {
  it('say what a tenant is, and that it does not change', () => {
    expectTypeOf(useTenant()).toEqualTypeOf<Tenant>()
    expectTypeOf<Tenant>().toEqualTypeOf<{ readonly id: string, readonly dbUrl?: string }>()
    // @ts-expect-error a tenant is frozen
    useTenant().id = 'other'
  })

  it('follow from the job', () => {
    expectTypeOf(withTenant('acme', () => 1)).toEqualTypeOf<Promise<number>>()
    expectTypeOf(withTenant('acme', async () => ['a'])).toEqualTypeOf<Promise<string[]>>()
  })

  it('name the options and functions', () => {
    expectTypeOf<NonNullable<TenancyFunctions['tenants']>>().returns.toEqualTypeOf<TenantRecord | undefined | Promise<TenantRecord | undefined>>()
    const options: ModuleOptions = { tenancy: { from: ['header'], trustedProxies: ['10.0.0.0/8'], map: { acme: 'DATABASE_URL', globex: { url: 'X', schema: 'y' } } } }
    void options
    // @ts-expect-error no such source
    const wrong: ModuleOptions = { tenancy: { from: ['path'] } }
    void wrong
    void invalidateCacheTags('tag', { tenant: '*' })
    // @ts-expect-error the engine's word, not the helper's
    void invalidateCacheTags('tag', { scope: '*' })
  })
})
