/** Fields of a driver's error that identify it. */
interface ErrorFields {
  name?: unknown
  code?: unknown
  message?: unknown
}

const NAMES: unknown[] = ['KnexTimeoutError', 'SequelizeConnectionAcquireTimeoutError']

const CODES: unknown[] = [
  // Prisma, up to version 6.
  'P2024',
  // PostgreSQL: too many connections, and a server that is starting.
  '53300', '57P03',
  // Postgres.js.
  'CONNECT_TIMEOUT',
  // MySQL and MariaDB: too many connections; then the connector of MariaDB, mysql, and mysql2 for a query with a timeout.
  'ER_CON_COUNT_ERROR', 'ER_GET_CONNECTION_TIMEOUT', 'POOL_ENQUEUELIMIT', 'PROTOCOL_SEQUENCE_TIMEOUT',
]

/** Messages of errors without a code: from pg, mysql2, and Prisma transactions. */
const MESSAGES = new RegExp(`^(?:${[
  'timeout exceeded when trying to connect',
  'Connection terminated due to connection timeout',
  'Query read timeout',
  'Queue limit reached\\.',
  'No connections available\\.',
  'connect ETIMEDOUT',
].join('|')})$|^Transaction API error: Unable to start a transaction in the given time`)

/**
 * Whether an error of a driver, pool or ORM means that no connection became free in time, that the server accepts no more connections,
 * or that a timeout of the client has passed. Knows pg, Postgres.js, mysql2, the MariaDB connector, Knex, Sequelize and Prisma.
 */
export function isDriverBusy({ name, code, message }: ErrorFields): boolean {
  return NAMES.includes(name) || CODES.includes(code) || (typeof message === 'string' && MESSAGES.test(message))
}
