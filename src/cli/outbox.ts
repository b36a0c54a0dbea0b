import { outboxTables } from '../runtime/server/rabbitmq/outbox/tables'
import { defineScaleCommand, exitCodes } from './support/command'

/** The command `nuxt-scale outbox`: prints the tables of the outbox and the inbox, for a migration of the app. */
export const outboxCommand = defineScaleCommand({
  meta: { description: 'Print the tables of the outbox and the inbox as SQL' },
  examples: ['nuxt-scale outbox', 'nuxt-scale outbox | psql "$DATABASE_URL"'],
  args: {},
  readsApp: false,
  async run({ terminal }) {
    terminal.result({ sql: outboxTables }, outboxTables)
    return exitCodes.ok
  },
})
