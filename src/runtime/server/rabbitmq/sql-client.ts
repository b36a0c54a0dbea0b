/** The methods of a Prisma transaction that the outbox and the inbox use. */
export interface SqlTransaction {
  $executeRawUnsafe: (query: string, ...values: unknown[]) => PromiseLike<number>
  $queryRawUnsafe: (query: string, ...values: unknown[]) => PromiseLike<unknown>
}

/** Options of a Prisma transaction: `maxWait` for a connection and `timeout` for the whole transaction, in ms. */
interface TransactionLimits {
  maxWait: number
  timeout: number
}

/** The methods of a Prisma client that the outbox and the inbox use. */
export interface SqlClient extends SqlTransaction {
  $transaction: <T>(task: (transaction: SqlTransaction) => Promise<T>, limits: TransactionLimits) => Promise<T>
}

/**
 * Checks that a value is a Prisma transaction or client.
 *
 * @param where name of the value in the error
 * @throws TypeError that names `where`
 */
export function asSqlTransaction(value: unknown, where: string): SqlTransaction {
  if (hasMethods(value, ['$executeRawUnsafe', '$queryRawUnsafe'])) return value as SqlTransaction
  throw new TypeError(`${where} must be a Prisma transaction or client: pass the tx of prisma.$transaction(async tx => …).`)
}

/**
 * Checks that a value is a Prisma client.
 *
 * @param where name of the value in the error
 * @throws TypeError that names `where`
 */
export function asSqlClient(value: unknown, where: string): SqlClient {
  if (hasMethods(value, ['$executeRawUnsafe', '$queryRawUnsafe', '$transaction'])) return value as SqlClient
  throw new TypeError(`${where} must be a Prisma client, because the outbox and the inbox use it: `
    + 'return one from server/scale.database.ts.')
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && names.every(name => typeof (value as Record<string, unknown>)[name] === 'function')
}
