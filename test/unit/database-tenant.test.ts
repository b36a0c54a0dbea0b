import type { H3Event } from 'h3'
import { expect, it } from 'vitest'
import type { Copies } from '../../src/runtime/server/database/read-your-writes'
import { createLeaseScope } from '../../src/runtime/server/database/lease-scope'
import type { ClientRegistry } from '../../src/runtime/server/database/registry'
import type { CurrentDatabase } from '../../src/runtime/server/database/service'
import { databaseService } from '../../src/runtime/server/database/service'
import type { DatabaseSpec } from '../../src/runtime/server/database/types'
import { getTenantPrismaClient } from '../../src/runtime/server/database/utils'
import { runInContext } from '../../src/runtime/server/request/call-context'
import { tenantLocationService } from '../../src/runtime/server/request/tenant'
import { createTenant } from '../../src/runtime/server/tenancy/directory'

it('the tenant of a request carries the location of its data, so that the database does not look it up again', async () => {
  const leased: DatabaseSpec[] = []
  const registry = {
    lease: async (spec: DatabaseSpec) => {
      leased.push(spec)
      return { client: {}, label: spec.name, release() {} }
    },
  } as Pick<ClientRegistry<object>, 'lease'> as ClientRegistry<never>
  const settings = { pool: { acquireTimeout: 1000 } } as CurrentDatabase['settings']
  databaseService.provide({ registry, settings, copies: { replicas: { of: () => undefined } } as unknown as Copies, named: new Map() })
  const lookUps: string[] = []
  tenantLocationService.provide((id) => {
    lookUps.push(id)
    return { url: 'postgres://elsewhere/db' }
  })
  const tenant = createTenant('acme', { url: 'DATABASE_URL_ACME', schema: 'a', replicas: 'DATABASE_URL_COPY' }, { DATABASE_URL_ACME: 'postgres://h/acme' })
  const event = { context: { tenant } } as unknown as H3Event
  await runInContext({ tenant, leases: createLeaseScope(undefined, undefined) }, () => getTenantPrismaClient(event))
  expect(leased).toEqual([{ name: 'acme', url: 'postgres://h/acme', schema: 'a', replicas: [] }])
  expect(lookUps).toEqual([])
  expect(JSON.stringify(tenant)).toBe('{"id":"acme"}')

  const nowhere = createTenant('nowhere', {}, {})
  const call = runInContext({ tenant: nowhere, leases: createLeaseScope(undefined, undefined) }, () =>
    getTenantPrismaClient({ context: { tenant: nowhere } } as unknown as H3Event))
  await expect(call).rejects.toMatchObject({ statusCode: 404 })
})
