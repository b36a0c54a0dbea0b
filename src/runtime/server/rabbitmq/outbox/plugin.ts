import { useFeatureConfig } from '../../core/scale-config'
import { usePrisma, withTenantDatabase } from '../../database/utils'
import { createLog } from '../../core/log'
import { defineNitroPlugin } from '../../nitro'
import { currentScope } from '../../request/call-context'
import type { RabbitmqModuleOptions } from '../settings'
import { rabbitmqSettings } from '../settings'
import { asSqlClient } from '../sql-client'
import { messageTransactionsService } from '../transactions'
import { createMessageTransactions } from './create-message-transactions'

/** Creates the outbox and the inbox. This plugin must run before the plugin of the messaging feature, which uses them. */
export default defineNitroPlugin(() => {
  if (import.meta.prerender) return
  const given = useFeatureConfig<RabbitmqModuleOptions>('rabbitmq')
  const { outbox, publishTimeout } = rabbitmqSettings.resolve(given, process.env)
  if (!outbox) return
  messageTransactionsService.provide(createMessageTransactions({
    settings: outbox,
    publishTimeout,
    useDatabase: async (name, task) => task(asSqlClient(usePrisma(name), `The client of the database ${name}`)),
    useTenant: (tenant, task) => withTenantDatabase(tenant, client => task(asSqlClient(client, `The client of the tenant ${tenant}`))),
    currentTenant: currentScope,
    log: createLog('rabbitmq'),
  }))
})
