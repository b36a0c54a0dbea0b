import { usePrisma, withTenantDatabase } from '../../database/utils'
import { createLog } from '../../log'
import { defineNitroPlugin, useRuntimeConfig } from '../../nitro'
import { currentScope } from '../../scope'
import type { RabbitmqModuleOptions } from '../settings'
import { resolveRabbitmqSettings } from '../settings'
import { asSqlClient } from '../sql-client'
import { setMessageTransactions } from '../transactions'
import { createMessageTransactions } from './create'

/** Gives the feature its outbox and its inbox. Runs before the feature's own plugin. */
export default defineNitroPlugin(() => {
  if (import.meta.prerender) return
  const { outbox, publishTimeout } = resolveRabbitmqSettings(useRuntimeConfig().scale.rabbitmq as unknown as RabbitmqModuleOptions, process.env)
  if (!outbox) return
  setMessageTransactions(createMessageTransactions({
    settings: outbox,
    publishTimeout,
    useDatabase: async (name, task) => task(asSqlClient(usePrisma(name), `The client of the database ${name}`)),
    useTenant: (tenant, task) => withTenantDatabase(tenant, client => task(asSqlClient(client, `The client of the tenant ${tenant}`))),
    currentTenant: currentScope,
    log: createLog('rabbitmq'),
  }))
})
