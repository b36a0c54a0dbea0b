/** `nuxt-scale/prisma`: creates Prisma 7 clients in `server/scale.database.ts`. */
import { createAdapter, hide } from './runtime/server/database/prisma/adapter'
import { driverFor } from './runtime/server/database/prisma/drivers'
import { checkSchema } from './runtime/server/database/prisma/driver'
import { describeUrl } from './runtime/server/database/redact'
import type { DatabasePool } from './runtime/server/database/types'

export { outboxTables } from './runtime/server/rabbitmq/outbox/tables'

/** Address and limits of a client. You can pass the input of a `defineScaleDatabase` factory unchanged. */
export interface PrismaClientInput {
  /** Address: `postgresql://`, `mysql://`, `mariadb://`, `file:` (SQLite) or `pglite:`. Its scheme selects the driver adapter. */
  url: string
  /** PostgreSQL schema, for generated and for raw queries. */
  schema?: string
  /**
   * Most connections, and how long a query waits for one, in milliseconds.
   * @default { max: 3, acquireTimeout: 5000 }
   */
  pool?: Partial<DatabasePool>
}

/** Options of the constructor of a generated client, without the adapter. */
type PrismaOptions<Constructor> = Constructor extends new (options: infer Options) => unknown
  ? Omit<Options, 'adapter' | 'accelerateUrl'>
  : never

/** `InstanceType` would be `any` here, because `Constructor` accepts fewer arguments than `any`. */
type ClientOf<Constructor> = Constructor extends new (options: never) => infer Client ? Client : never

interface Disconnectable {
  $disconnect: () => Promise<void>
}

/**
 * Creates a Prisma 7 client with the driver adapter of its address, and limits its connections and waiting time.
 *
 * The adapter's package is an optional peer dependency, which is loaded at the first query. If it is missing, the error names the command
 * that installs it. After `$disconnect()` the client throws; a plain Prisma client would silently connect again.
 *
 * @param PrismaClient the class that `prisma generate` created
 * @param input address, schema and limits
 * @param options further options of the class, such as `log`, `omit` or `transactionOptions`
 * @throws Error if the scheme of the address is unknown
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
  const { adapter, shut } = createAdapter(
    driverFor(url),
    { url, schema, pool: { max: pool?.max ?? 3, acquireTimeout: pool?.acquireTimeout ?? 5000 } },
  )
  const client = new PrismaClient({ errorFormat: 'minimal', ...options, adapter } as never)
  const disconnect = client.$disconnect.bind(client)
  Object.defineProperty(client, '$disconnect', {
    configurable: true,
    value: () => {
      // Prisma disposes of the adapter only after it has connected. Without this, a client that never connected could still connect later.
      shut()
      return disconnect()
    },
  })
  hide(client, () => `[PrismaClient for ${describeUrl(url)}]`)
  return client as ClientOf<Constructor>
}
