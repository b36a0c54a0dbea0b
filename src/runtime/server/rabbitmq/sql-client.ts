/** What the outbox and the inbox use of a transaction, in Prisma's words. */
export interface SqlTransaction {
  $executeRawUnsafe: (query: string, ...values: unknown[]) => PromiseLike<number>
  $queryRawUnsafe: (query: string, ...values: unknown[]) => PromiseLike<unknown>
}

/** How long a transaction may wait for a connection and how long it may take, in ms. */
export interface TransactionLimits {
  maxWait: number
  timeout: number
}

/** What they use of a database client. */
export interface SqlClient extends SqlTransaction {
  $transaction: <T>(task: (transaction: SqlTransaction) => Promise<T>, limits: TransactionLimits) => Promise<T>
}

/** @throws TypeError naming `where`, for what is no Prisma client or transaction */
export function asSqlTransaction(value: unknown, where: string): SqlTransaction {
  if (hasMethods(value, ['$executeRawUnsafe', '$queryRawUnsafe'])) return value as SqlTransaction
  throw new TypeError(`${where} is no Prisma client or transaction: pass the tx of prisma.$transaction(async tx => …).`)
}

/** @throws TypeError naming `where`, for what is no Prisma client */
export function asSqlClient(value: unknown, where: string): SqlClient {
  if (hasMethods(value, ['$executeRawUnsafe', '$queryRawUnsafe', '$transaction'])) return value as SqlClient
  throw new TypeError(`${where} is no Prisma client, which the outbox and the inbox need: return one from server/scale.database.ts.`)
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && names.every(name => typeof (value as Record<string, unknown>)[name] === 'function')
}
