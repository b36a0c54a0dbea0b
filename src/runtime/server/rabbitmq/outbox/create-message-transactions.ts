import { detached } from '../../core/detached'
import { applyOnce } from '../inbox/apply-once'
import { createInboxSweep } from '../inbox/sweep'
import type { SqlClient } from '../sql-client'
import { asSqlTransaction } from '../sql-client'
import type { MessageTransactions } from '../transactions'
import { measureOutboxes } from './measure-outboxes'
import type { OutboxSource, Relay, RelayOptions } from './relay'
import { createRelay } from './relay'
import { insertMessage } from './rows'
import type { OutboxSettings } from './outbox-settings'

/** Runs a task with a client of the database or tenant `name`. */
type UseDatabase = <T>(name: string, task: (client: SqlClient) => Promise<T>) => Promise<T>

export interface MessageTransactionsOptions {
  settings: OutboxSettings
  /** Maximum milliseconds of one publish of the relay. */
  publishTimeout: number
  useDatabase: UseDatabase
  useTenant: UseDatabase
  /** Returns the tenant of the current call; `''` if there is none. */
  currentTenant: () => string
  log: RelayOptions['log']
}

/** Creates the outbox and the inbox of this process. Call it outside any request: the timers run in the async context of this call. */
export function createMessageTransactions(options: MessageTransactionsOptions): MessageTransactions {
  const { settings, publishTimeout, useDatabase, useTenant, currentTenant, log } = options
  const { databases, tenants, interval, batch, keep } = settings
  // Runs callbacks in the async context of the start, which belongs to no request.
  const sources: readonly OutboxSource[] = [
    ...databases.map((name): OutboxSource => ({ name: `the database ${name}`, use: task => useDatabase(name, task) })),
    ...tenants.map((tenant): OutboxSource => ({ name: `the tenant ${tenant}`, use: task => useTenant(tenant, task) })),
  ]
  let relay: Relay | undefined
  let stopSweep: (() => void) | undefined
  let stopMeasure: (() => void) | undefined

  return {
    async write(transaction, message) {
      await insertMessage(asSqlTransaction(transaction, 'The tx of publish()'), message)
      relay?.nudge()
    },
    async applyOnce({ database, ...entry }, effect) {
      if (database !== 'tenant') return useDatabase(database, client => applyOnce(client, entry, effect))
      const tenant = currentTenant()
      if (tenant === '') {
        throw new Error('The message was published without a tenant, so dedupe: \'tenant\' cannot choose a database: '
          + 'publish it in a request of a tenant or in withTenant(), or name a database in dedupe.')
      }
      return useTenant(tenant, client => applyOnce(client, entry, effect))
    },
    start(broker) {
      detached(() => {
        relay = createRelay({ sources, broker, interval, batch, publishTimeout, log })
        stopSweep = createInboxSweep(sources, keep, log)
        stopMeasure = measureOutboxes(sources)
      })
    },
    async stop(timeout) {
      stopSweep?.()
      stopMeasure?.()
      await relay?.stop(timeout)
    },
  }
}
