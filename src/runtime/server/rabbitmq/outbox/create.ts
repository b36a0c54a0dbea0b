import { AsyncLocalStorage } from 'node:async_hooks'
import { applyOnce } from '../inbox/apply-once'
import { createInboxSweep } from '../inbox/sweep'
import type { SqlClient } from '../sql-client'
import { asSqlTransaction } from '../sql-client'
import type { MessageTransactions } from '../transactions'
import type { OutboxSource, Relay, RelayOptions } from './relay'
import { createRelay } from './relay'
import { insertMessage } from './rows'
import type { OutboxSettings } from './settings'

/** Runs a task with a client of a database. */
type UseDatabase = <T>(name: string, task: (client: SqlClient) => Promise<T>) => Promise<T>

export interface MessageTransactionsOptions {
  settings: OutboxSettings
  /** Milliseconds that one publish of the relay may take. */
  publishTimeout: number
  useDatabase: UseDatabase
  useTenant: UseDatabase
  /** The tenant of the current call; '' for none. */
  currentTenant: () => string
  log: RelayOptions['log']
}

/** The outbox and the inbox of one process. Create them outside any request. */
export function createMessageTransactions({ settings, publishTimeout, useDatabase, useTenant, currentTenant, log }: MessageTransactionsOptions): MessageTransactions {
  const { databases, tenants, interval, batch, keep } = settings
  // The context of the boot, which belongs to no request.
  const outside = AsyncLocalStorage.snapshot()
  const sources: readonly OutboxSource[] = [
    ...databases.map((name): OutboxSource => ({ name: `the database ${name}`, use: task => useDatabase(name, task) })),
    ...tenants.map((tenant): OutboxSource => ({ name: `the tenant ${tenant}`, use: task => useTenant(tenant, task) })),
  ]
  let relay: Relay | undefined
  let stopSweep: (() => void) | undefined

  return {
    async write(transaction, message) {
      await insertMessage(asSqlTransaction(transaction, 'The tx of publish()'), message)
      relay?.nudge()
    },
    async applyOnce({ database, ...entry }, effect) {
      if (database !== 'tenant') return useDatabase(database, client => applyOnce(client, entry, effect))
      const tenant = currentTenant()
      if (tenant === '') throw new Error('The message was published for no tenant, so dedupe: \'tenant\' finds no database: publish it in a request of a tenant or in withTenant(), or name a database in dedupe.')
      return useTenant(tenant, client => applyOnce(client, entry, effect))
    },
    start(broker) {
      outside(() => {
        relay = createRelay({ sources, broker, interval, batch, publishTimeout, log })
        stopSweep = createInboxSweep(sources, keep, log)
      })
    },
    async stop(timeout) {
      stopSweep?.()
      await relay?.stop(timeout)
    },
  }
}
