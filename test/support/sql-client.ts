import pg from 'pg'
import type { SqlClient, SqlTransaction } from '../../src/runtime/server/rabbitmq/sql-client'

/** What the outbox and the inbox use of Prisma, on `pg` alone: for tests of so many transactions that Prisma would take minutes. */
export interface PlainSqlClient extends SqlClient {
  close: () => Promise<void>
}

/** @param connections how many transactions run at a time; the others wait */
export function createPlainSqlClient(url: string, connections: number): PlainSqlClient {
  const pool = new pg.Pool({ connectionString: url, max: connections })
  // The server may end while connections are idle.
  pool.on('error', () => {})
  /** Names of statements with values, which each connection prepares once. */
  const names = new Map<string, string>()
  function run(client: pg.Pool | pg.PoolClient, text: string, values: unknown[]): Promise<pg.QueryResult> {
    if (values.length === 0) return client.query(text)
    if (!names.has(text)) names.set(text, `statement-${names.size}`)
    return client.query({ name: names.get(text)!, text, values })
  }
  const statements = (client: pg.Pool | pg.PoolClient): SqlTransaction => ({
    $executeRawUnsafe: async (query, ...values) => (await run(client, query, values)).rowCount ?? 0,
    $queryRawUnsafe: async (query, ...values) => (await run(client, query, values)).rows,
  })
  return {
    ...statements(pool),
    async $transaction(task) {
      const client = await pool.connect()
      try {
        await client.query('begin')
        const result = await task(statements(client))
        await client.query('commit')
        return result
      }
      catch (error) {
        await client.query('rollback')
        throw error
      }
      finally {
        client.release()
      }
    },
    close: () => pool.end(),
  }
}
