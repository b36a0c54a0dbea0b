import type { Duplex } from 'node:stream'
import type { Client, QueryResult } from 'pg'
import { postgresAddress } from '../runtime/server/database/prisma/postgres'
import { redact } from '../runtime/server/database/redact'
import { ReshardError, ShardStatementError } from './errors'
import { takeCommandLock } from './command-lock'
import { literal } from './session'
import type { Parameter, ShardSession, TextRow } from './session'

/** Address of a shard. */
export interface ShardAddress {
  shard: string
  /** Address of the database. It is never printed. */
  url: string
  schema?: string
  /**
   * Called before each statement. `cut` breaks the connection as if this process were killed. Tests use it to stop a command at a given
   * statement.
   */
  onStatement?: (sql: string, cut: () => void) => Promise<void> | void
}

/** Session settings. As in pg_dump, values that are written as strings are read back unchanged. */
const SETTINGS = {
  'datestyle': 'ISO, MDY',
  'timezone': 'UTC',
  'intervalstyle': 'postgres',
  'extra_float_digits': '3',
  'bytea_output': 'hex',
  // The other side deletes its changes after a commit, so a crash must not undo the commit.
  'synchronous_commit': 'on',
  // PostgreSQL then rejects a statement if a policy would hide rows from it, instead of hiding them.
  'row_security': 'off',
  // The guard of a follower accepts writes of this session.
  'nuxt_scale.mover': 'on',
}
/** Milliseconds to connect. */
const CONNECT = 10_000
/** Milliseconds for one statement, which may read a whole table. */
const STATEMENT = 30 * 60_000

/**
 * Connects to a shard and takes its lock.
 *
 * @throws ReshardError if the shard is not a PostgreSQL database, cannot be reached, or is locked by another command
 */
export async function openSession({ shard, url, schema, onStatement }: ShardAddress): Promise<ShardSession> {
  if (!/^postgres(?:ql)?:/i.test(url)) {
    throw new ReshardError(`The shard ${shard} is not a PostgreSQL database: rows can only move between PostgreSQL databases.`)
  }
  const { connectionString, schema: chosen, options } = postgresAddress(url, schema)
  const { default: pg } = await import('pg').catch(() => {
    throw new ReshardError('Moving rows needs pg, which is not installed: run "npm install pg".')
  })
  const client = new pg.Client({
    connectionString,
    options,
    connectionTimeoutMillis: CONNECT,
    keepAlive: true,
    application_name: 'nuxt-scale shards',
    statement_timeout: STATEMENT,
    query_timeout: STATEMENT + 10_000,
    idle_in_transaction_session_timeout: STATEMENT,
  })
  // A lost connection fails the next statement. Without a listener, the error event would terminate the process.
  client.on('error', () => {})
  try {
    await client.connect()
    const session = createSession(client, { shard, url, onStatement })
    await prepare(session, chosen)
    return session
  }
  catch (error) {
    await client.end().catch(() => {})
    throw error instanceof ReshardError ? error : explain(error, shard, url)
  }
}

function createSession(client: Client, { shard, url, onStatement }: ShardAddress): ShardSession {
  const cut = () => (client as unknown as { connection: { stream: Duplex } }).connection.stream.destroy()
  const query = async (text: string, parameters: readonly Parameter[] = []): Promise<QueryResult<TextRow>> => {
    await onStatement?.(text, cut)
    try {
      return await client.query<TextRow>({
        text,
        values: [...parameters],
        rowMode: 'array',
        types: { getTypeParser: () => (value: string) => value },
      } as never) as unknown as QueryResult<TextRow>
    }
    catch (error) {
      throw explain(error, shard, url)
    }
  }
  return {
    shard,
    schema: '',
    rows: async (sql, parameters) => (await query(sql, parameters)).rows,
    execute: async (sql, parameters) => (await query(sql, parameters)).rowCount ?? 0,
    async transaction(work, begin = '') {
      await query(`begin ${begin}`)
      try {
        const result = await work()
        await query('commit')
        return result
      }
      catch (error) {
        await query('rollback').catch(() => {})
        throw error
      }
    },
    close: () => client.end().catch(() => {}),
  }
}

async function prepare(session: ShardSession, schema: string | undefined): Promise<void> {
  const { shard } = session
  const [[version, encoding, current] = []] = await session.rows('select current_setting(\'server_version_num\'), '
    + 'pg_encoding_to_char(encoding), current_schema() from pg_database where datname = current_database()')
  if (Number(version) < 140_000) {
    throw new ReshardError(`The shard ${shard} runs PostgreSQL ${Math.floor(Number(version) / 10_000)}: upgrade it to 14 or newer.`)
  }
  if (encoding !== 'UTF8') {
    throw new ReshardError(`The database of the shard ${shard} has the encoding ${encoding}: rows can only move between databases in UTF8.`)
  }
  if (!current) throw new ReshardError(`The schema ${schema ?? 'public'} of the shard ${shard} does not exist: migrate the shard first.`)
  session.schema = schema ?? current
  const settings = Object.entries({ ...SETTINGS, search_path: `"${session.schema}"` })
    .map(([name, value]) => `(${literal(name)}, ${literal(value)})`)
  await session.execute(`select set_config(name, value, false) from (values ${settings.join(', ')}) as settings (name, value)`)
  // The server then notices a killed command even during a statement, if its operating system supports this.
  await session.execute('set client_connection_check_interval = \'1s\'').catch(() => {})
  await takeCommandLock(session)
}

function explain(error: unknown, shard: string, url: string): ShardStatementError {
  const { message, code, constraint } = error as { message?: string, code?: string, constraint?: string }
  const text = redact(String(message ?? error), url).replaceAll('\n', ' ').replace(/\.$/, '')
  const advice = code === '42501' && /row-level security/.test(text) ? ' Run the command as a role with BYPASSRLS.' : ''
  return new ShardStatementError(`The database of the shard ${shard} reports: `
    + `${text}${code ? ` (${code})` : ''}.${advice}`, code, constraint)
}
