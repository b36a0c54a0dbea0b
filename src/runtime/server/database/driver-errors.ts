/** What an error of a driver may say of itself. */
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

/** Some say it in words alone: pg, mysql2, and Prisma of a transaction. */
const MESSAGES = new RegExp(`^(?:${[
  'timeout exceeded when trying to connect',
  'Connection terminated due to connection timeout',
  'Query read timeout',
  'Queue limit reached\\.',
  'No connections available\\.',
  'connect ETIMEDOUT',
].join('|')})$|^Transaction API error: Unable to start a transaction in the given time`)

/**
 * Whether a driver, a pool or an ORM says that no connection came free in time, that the server takes no more of them,
 * or that a timeout of the client's own is over: pg, Postgres.js, mysql2, the connector of MariaDB, Knex, Sequelize and Prisma.
 */
export function isDriverBusy({ name, code, message }: ErrorFields): boolean {
  return NAMES.includes(name) || CODES.includes(code) || (typeof message === 'string' && MESSAGES.test(message))
}
