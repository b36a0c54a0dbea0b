/** Copy of a database: the primary (`'writer'`) or a read replica (`'reader'`). */
export type DatabaseRole = 'writer' | 'reader'

/** Describes a database to connect to. Two specs with the same URL, schema and role share one client. */
export interface DatabaseSpec {
  /** Name in logs and errors: `default`, a tenant's id or a shard's name. */
  name: string
  /** Address with its credentials. It never appears in logs, errors or gauges. */
  url: string
  /** PostgreSQL schema, if each tenant or shard has its own schema. */
  schema?: string
  /** @default 'writer' */
  role?: DatabaseRole
  /** Addresses of its read replicas. */
  replicas?: readonly string[]
}

/** Limits that each client must respect, because `maxConnections` is calculated from them. */
export interface DatabasePool {
  /** Most connections of this client. */
  max: number
  /** Milliseconds that a query may wait for a free or new connection. */
  acquireTimeout: number
}

/** Argument of the factory in `server/scale.database.ts`. */
export interface DatabaseFactoryInput {
  /** Name of the database: `default`, a tenant's id or a shard's name. */
  name: string
  /** Address of the database with its credentials. */
  url: string
  schema: string | undefined
  role: DatabaseRole
  /** Limits that the client must respect. */
  pool: DatabasePool
}

/** Functions for clients that the module does not know. */
export interface DatabaseFactoryOptions<Result = unknown> {
  /** Closes the connections of a client. Needed if the client has no `$disconnect`, `end`, `close` or `destroy`. */
  dispose?: (client: Awaited<Result>) => unknown
  /**
   * Whether an error means that no connection was free in time. Such a request gets 503 with `Retry-After`.
   * Called for each error that the module does not recognize, and for each of its causes.
   */
  isBusy?: (error: unknown) => boolean
  /**
   * Runs a test query such as `SELECT 1`, and resolves when the database answers.
   * Needed if the client has none of `$queryRawUnsafe`, `query`, `raw` and `unsafe`.
   * Without it, every request that uses such a client gets 503 after `scale.database.answerTimeout`.
   */
  ping?: (client: Awaited<Result>) => PromiseLike<unknown>
}

/** The app's factory, as `defineScaleDatabase` returns it. */
export interface DatabaseFactory<Result = unknown> extends DatabaseFactoryOptions<Result> {
  (input: DatabaseFactoryInput): Result
}

/** Extended by the types that the module generates for the app: `{ client: <type that the factory returns> }`. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- the generated types merge into it
export interface ScaleDatabaseRegister {}

/** The client type of a register; `unknown` if the app has no factory yet. */
export type ClientOfRegister<Register> = Register extends { client: infer Client } ? Client : unknown

/** The type that a client's `$transaction` passes to its callback; `unknown` if the client has no `$transaction`. */
export type TransactionOfClient<Client> = Client extends {
  $transaction: (task: (transaction: infer Transaction) => Promise<unknown>, ...rest: never[]) => unknown
} ? Transaction : unknown

/** The type of a transaction of a {@link ScaleDatabaseClient}. */
export type ScaleTransaction = TransactionOfClient<ScaleDatabaseClient>

/** The type of every client that the module returns: the return type of the factory in `server/scale.database.ts`. */
export type ScaleDatabaseClient = ClientOfRegister<ScaleDatabaseRegister>
