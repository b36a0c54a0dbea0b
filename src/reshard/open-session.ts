import type { Duplex } from 'node:stream'
import type { Client, QueryResult } from 'pg'
import { postgresAddress } from '../runtime/server/database/prisma/postgres'
import { redact } from '../runtime/server/database/redact'
import { ReshardError } from './errors'
import { takeCommandLock } from './command-lock'
import { literal } from './quote'
import type { Parameter, ShardSession, TextRow } from './session'
import { ShardStatementError } from './session'

/** Where a shard is. */
export interface ShardAddress {
  shard: string
  /** Never shown. */
  url: string
  schema?: string
  /**
   * Told of each statement before it is sent. `cut` breaks the connection as the death of this process would. Tests end a command with it
   * at a given statement.
   */
  onStatement?: (sql: string, cut: () => void) => Promise<void> | void
}

/** As pg_dump has it: what is written as text is read back as the same value. */
const SETTINGS = {
  'datestyle': 'ISO, MDY',
  'timezone': 'UTC',
  'intervalstyle': 'postgres',
  'extra_float_digits': '3',
  'bytea_output': 'hex',
  // A commit that a crash could take back must not make the other side forget.
  'synchronous_commit': 'on',
  // PostgreSQL refuses a statement from which a policy would hide rows, instead of hiding them.
  'row_security': 'off',
  // Followers let the writes of this session through.
  'nuxt_scale.mover': 'on',
}
/** Milliseconds for a connection. */
const CONNECT = 10_000
/** Milliseconds for one statement, which may have to read a whole table. */
const STATEMENT = 30 * 60_000

/**
 * Opens a shard and takes its lock.
 *
 * @throws ReshardError one sentence, when it is no PostgreSQL, cannot be reached, or another command holds it
 */
export async function openSession({ shard, url, schema, onStatement }: ShardAddress): Promise<ShardSession> {
  if (!/^postgres(?:ql)?:/i.test(url)) throw new ReshardError(`The shard ${shard} is no PostgreSQL: rows are moved between PostgreSQL databases only.`)
  const { connectionString, schema: chosen, options } = postgresAddress(url, schema)
  const { default: pg } = await import('pg').catch(() => {
    throw new ReshardError('Moving rows needs pg, which is not installed: run "npm install pg".')
  })
  const client = new pg.Client({ connectionString, options, connectionTimeoutMillis: CONNECT, keepAlive: true, application_name: 'nuxt-scale shards', statement_timeout: STATEMENT, query_timeout: STATEMENT + 10_000, idle_in_transaction_session_timeout: STATEMENT })
  // What is lost shows at the next statement; without a listener it would end the process.
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
      return await client.query<TextRow>({ text, values: [...parameters], rowMode: 'array', types: { getTypeParser: () => (value: string) => value } } as never) as unknown as QueryResult<TextRow>
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
  const [[version, encoding, current] = []] = await session.rows('select current_setting(\'server_version_num\'), pg_encoding_to_char(encoding), current_schema() from pg_database where datname = current_database()')
  if (Number(version) < 140_000) throw new ReshardError(`The shard ${shard} runs PostgreSQL ${Math.floor(Number(version) / 10_000)}: moving rows needs 14 or newer.`)
  if (encoding !== 'UTF8') throw new ReshardError(`The database of the shard ${shard} is encoded in ${encoding}: rows are moved between databases in UTF8.`)
  if (!current) throw new ReshardError(`The schema ${schema ?? 'public'} of the shard ${shard} is not there: migrate the shard first.`)
  session.schema = schema ?? current
  const settings = Object.entries({ ...SETTINGS, search_path: `"${session.schema}"` }).map(([name, value]) => `(${literal(name)}, ${literal(value)})`)
  await session.execute(`select set_config(name, value, false) from (values ${settings.join(', ')}) as settings (name, value)`)
  // A killed command is noticed in the middle of a statement too, where the system can tell.
  await session.execute('set client_connection_check_interval = \'1s\'').catch(() => {})
  await takeCommandLock(session)
}

function explain(error: unknown, shard: string, url: string): ShardStatementError {
  const { message, code, constraint } = error as { message?: string, code?: string, constraint?: string }
  const text = redact(String(message ?? error), url).replaceAll('\n', ' ').replace(/\.$/, '')
  const advice = code === '42501' && /row-level security/.test(text) ? ' Run the command as a role with BYPASSRLS.' : ''
  return new ShardStatementError(`The database of the shard ${shard} said: ${text}${code ? ` (${code})` : ''}.${advice}`, code, constraint)
}
