/** `nuxt-scale/prisma`: the ready-made factory for Prisma 7. */
import { createAdapter, hide } from './runtime/server/database/prisma/adapter'
import { driverFor } from './runtime/server/database/prisma/drivers'
import { checkSchema } from './runtime/server/database/prisma/schema'
import { describeUrl } from './runtime/server/database/redact'
import type { DatabasePool } from './runtime/server/database/types'

export { outboxTables } from './runtime/server/rabbitmq/outbox/tables'

/** Where a client connects. What `defineScaleDatabase` gives its factory fits as it is. */
export interface PrismaClientInput {
  /** `postgresql://`, `mysql://`, `mariadb://`, `file:` (SQLite) or `pglite:`. The scheme chooses the driver adapter. */
  url: string
  /** PostgreSQL schema. It holds for generated and for raw queries. */
  schema?: string
  /** @default { max: 3, acquireTimeout: 5000 } */
  pool?: Partial<DatabasePool>
}

/** What the constructor of a generated client takes, but for the adapter. */
type PrismaOptions<Constructor> = Constructor extends new (options: infer Options) => unknown ? Omit<Options, 'adapter' | 'accelerateUrl'> : never

/** Not `InstanceType`, which is `any` for a constructor whose argument is narrow. */
type ClientOf<Constructor> = Constructor extends new (options: never) => infer Client ? Client : never

interface Disconnectable {
  $disconnect: () => Promise<void>
}

/**
 * A client of Prisma 7 with the right driver adapter, bounded in connections and in time.
 *
 * The adapter's package is an optional peer that loads at the first query; the error names the command that installs it.
 * Once disconnected the client stays so: it throws, where Prisma's own would connect again in silence.
 *
 * @param PrismaClient the class that `prisma generate` wrote
 * @param input address, schema and bounds
 * @param options further options of the class: `log`, `omit`, `transactionOptions` …
 * @throws Error when the scheme of the address is none of the known
 * @example
 * ```ts
 * export default defineScaleDatabase(input => createPrismaClient(PrismaClient, input))
 * ```
 */
export function createPrismaClient<Constructor extends new (options: never) => Disconnectable>(
  PrismaClient: Constructor,
  { url, schema, pool }: PrismaClientInput,
  options?: PrismaOptions<Constructor>,
): ClientOf<Constructor> {
  checkSchema(schema)
  const { adapter, shut } = createAdapter(driverFor(url), { url, schema, pool: { max: pool?.max ?? 3, acquireTimeout: pool?.acquireTimeout ?? 5000 } })
  const client = new PrismaClient({ errorFormat: 'minimal', ...options, adapter } as never)
  const disconnect = client.$disconnect.bind(client)
  Object.defineProperty(client, '$disconnect', {
    configurable: true,
    value: () => {
      // A client that never connected has nothing to dispose of, and would still connect later.
      shut()
      return disconnect()
    },
  })
  hide(client, () => `[PrismaClient for ${describeUrl(url)}]`)
  return client as ClientOf<Constructor>
}
