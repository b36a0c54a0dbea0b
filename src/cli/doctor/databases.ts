import type { Client } from 'pg'
import { describeUrl, parseUrl, redact } from '../../runtime/server/database/redact'
import { postgresAddress } from '../../runtime/server/database/prisma/postgres'
import { withDeadline } from '../../runtime/server/core/deadline'
import type { MigrationTarget } from '../migrate/targets'
import { findTargets } from '../migrate/targets'
import type { Finding, Notes } from './finding'
import { notesOf } from './finding'
import type { DoctorContext } from './context'
import { ANSWER_TIMEOUT, skewOf } from './context'

/** Databases that are checked at the same time. */
const CONCURRENCY = 4

/** Connection limit of a database server. */
interface ServerLimit {
  /** `max_connections` without the connections reserved for superusers. */
  usable: number
  /** Names of its databases. */
  names: string[]
}

/** Checks whether every database answers, and whether its server has enough connections for all instances. */
export async function examineDatabases({ options, app, replicas }: DoctorContext): Promise<readonly Finding[]> {
  const notes = notesOf('database')
  const { database } = options
  if (!database && !options.shards) return notes.findings
  let targets: MigrationTarget[]
  try {
    const found = await findTargets(app, { all: true, tenants: [], shards: [] })
    targets = found.targets
    for (const { source, path } of found.unset) {
      const problem = `${path} names the environment variable ${source}, which is not set.`
      notes.error(problem, 'Set it where the server starts, and here or in .env.')
    }
  }
  catch (error) {
    notes.error((error as Error).message, 'Set the missing value where the server starts, and here.')
    return notes.findings
  }
  const servers = new Map<string, ServerLimit>()
  const next = targets.values()
  await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
    for (const target of next) await examineDatabase(target, notes, servers)
  }))
  const answering = [...servers.values()].reduce((sum, { names }) => sum + names.length, 0)
  if (answering > 0) notes.ok(`${answering} of ${targets.length} databases answer, on ${servers.size} `
    + `${servers.size === 1 ? 'server' : 'servers'}.`)
  for (const [server, limit] of servers) compareBudget(
    server,
    limit,
    { notes, replicas, budget: (database || { maxConnections: 0 }).maxConnections },
  )
  return notes.findings
}

/** Compares the connections of a server with the need of all instances: each instance may use its whole budget on one server. */
function compareBudget(
  server: string,
  { usable }: ServerLimit,
  { notes, replicas, budget }: { notes: Notes, replicas: number, budget: number },
): void {
  const needed = budget * replicas
  const sum = `${replicas} × ${budget} = ${needed}`
  if (needed > usable) {
    const most = Math.max(1, Math.floor(usable / replicas))
    notes.error(
      `${server} has ${usable} connections, but the instances may open ${sum}.`,
      `Set scale.database.maxConnections to ${most} or less, raise max_connections, or run fewer instances.`,
    )
  }
  else if (needed * 2 > usable) {
    notes.warn(
      `${server} has ${usable} connections: enough for ${sum}, but not for old and new instances during a rollout.`,
      'Roll out one instance at a time, or allow twice as many connections.',
    )
  }
  else {
    notes.ok(`${server} has ${usable} connections for ${sum}.`)
  }
}

async function examineDatabase({ names, url, schema }: MigrationTarget, notes: Notes, servers: Map<string, ServerLimit>): Promise<void> {
  const name = names[0]!.replace(':', ' ')
  if (!/^postgres(?:ql)?:/i.test(url)) {
    notes.warn(
      `The database ${name} (${describeUrl(url)}) is not checked, because it is not a PostgreSQL database.`,
      'Compare its connection limit with scale.database.maxConnections × instances yourself.',
    )
    return
  }
  let client: Client | undefined
  try {
    const { default: pg } = await import('pg')
    const { connectionString, options } = postgresAddress(url, schema)
    client = new pg.Client({ connectionString, options, connectionTimeoutMillis: ANSWER_TIMEOUT, query_timeout: ANSWER_TIMEOUT })
    client.on('error', () => {})
    await client.connect()
    const asked = Date.now()
    const { rows: [row] } = await client.query<{ now: string, replica: boolean, most: string, kept: string }>(`
      select extract(epoch from clock_timestamp()) * 1000 as now, pg_is_in_recovery() as replica,
      current_setting('max_connections') as most, 
      coalesce(current_setting('superuser_reserved_connections', true)::int, 0)
      + coalesce(current_setting('reserved_connections', true)::int, 0) as kept`)
    const skew = skewOf(Number(row!.now), asked, Date.now())
    const server = serverOf(url)
    if (skew > 0 && !servers.has(server)) notes.warn(`The clock of ${server} differs by ${skew} ms.`, 'Run chrony '
      + 'or another NTP client on both machines.')
    if (row!.replica) notes.error(`The database ${name} is a replica, which refuses writes.`, 'Write the address of its primary instead, '
      + 'and list this address in replicas.')
    const limit = servers.get(server) ?? { usable: Number(row!.most) - Number(row!.kept), names: [] }
    limit.names.push(name)
    servers.set(server, limit)
  }
  catch (error) {
    const reason = redact((error as Error).message, url).replace(/\.$/, '')
    notes.error(`The database ${name} cannot be used: ${reason}.`, 'Start it, and check its address, user and password.')
  }
  finally {
    await withDeadline(client?.end() ?? Promise.resolve(), ANSWER_TIMEOUT, () => new Error('no answer')).catch(() => {})
  }
}

function serverOf(url: string): string {
  const { hostname, port } = parseUrl(url)
  return `PostgreSQL at ${hostname}:${port || 5432}`
}
