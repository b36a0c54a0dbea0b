/** Which copy of a database: the one that takes writes, or one that only follows it. */
export type DatabaseRole = 'writer' | 'reader'

/** One database that a client is wanted for. Two specs with the same url, schema and role share one client. */
export interface DatabaseSpec {
  /** What logs and errors call it: `default`, a tenant's id, a shard's name. */
  name: string
  /** Address with its credentials. It appears in no log, error or gauge. */
  url: string
  /** PostgreSQL schema, where a schema stands for a database. */
  schema?: string
  /** @default 'writer' */
  role?: DatabaseRole
  /** Addresses of its read replicas. */
  replicas?: readonly string[]
}

/** The bounds that a client must keep, since the budget counts on them. */
export interface DatabasePool {
  /** Most connections of this client. */
  max: number
  /** Milliseconds that a query may wait for a free connection or a new one. */
  acquireTimeout: number
}

/** What the factory in `server/scale.database.ts` gets. */
export interface DatabaseFactoryInput {
  name: string
  url: string
  schema: string | undefined
  role: DatabaseRole
  pool: DatabasePool
}

/** What the module cannot know of a client of the app's own. */
export interface DatabaseFactoryOptions<Result = unknown> {
  /** Ends the connections of one client, where the client has no `$disconnect`, `end`, `close` or `destroy`. */
  dispose?: (client: Awaited<Result>) => unknown
  /**
   * Whether an error says that no connection was free in time. Such a request gets 503 with `Retry-After`. It is asked for each error that
   * the module does not know itself, and for the causes of it.
   */
  isBusy?: (error: unknown) => boolean
  /**
   * Asks the database for nothing, and resolves when it answers. Needed where the client has none of `$queryRawUnsafe`, `query`, `raw` and
   * `unsafe`: without it a request of that client gets 503 after `scale.database.answerTimeout` in any case.
   */
  ping?: (client: Awaited<Result>) => PromiseLike<unknown>
}

/** The user's factory, as `defineScaleDatabase` returns it. */
export interface DatabaseFactory<Result = unknown> extends DatabaseFactoryOptions<Result> {
  (input: DatabaseFactoryInput): Result
}

/** Filled in by the types that the module writes into the app: `{ client: <what the factory makes> }`. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- it is there to be merged into
export interface ScaleDatabaseRegister {}

/** The client of a register, or `unknown` before the app has a factory. */
export type ClientOfRegister<Register> = Register extends { client: infer Client } ? Client : unknown

/** What a client's own `$transaction` hands to its callback, or `unknown` where it has none. */
export type TransactionOfClient<Client> = Client extends { $transaction: (task: (transaction: infer Transaction) => Promise<unknown>, ...rest: never[]) => unknown } ? Transaction : unknown

/** The type of a transaction of those clients. */
export type ScaleTransaction = TransactionOfClient<ScaleDatabaseClient>

/** The type of every client that the module hands out: what the factory in `server/scale.database.ts` makes. */
export type ScaleDatabaseClient = ClientOfRegister<ScaleDatabaseRegister>
