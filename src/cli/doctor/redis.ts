import type { Redis } from 'ioredis'
import { createRedisConnection } from '../../runtime/server/redis/connection'
import { describeRedis, redisSettings } from '../../runtime/server/redis/settings'
import { withDeadline } from '../../runtime/server/core/deadline'
import type { Finding, Notes } from './finding'
import { notesOf } from './finding'
import type { DoctorContext } from './context'
import { ANSWER_TIMEOUT, skewOf } from './context'

/** Connections of one instance: for commands, for subscriptions, and for diagnosing a server that does not answer. */
const CONNECTIONS_PER_INSTANCE = 3

/** Checks whether Redis answers, accepts writes, and keeps keys as long as the module needs them. */
export async function examineRedis({ options, app, replicas }: DoctorContext): Promise<readonly Finding[]> {
  const notes = notesOf('redis')
  const settings = options.redis ? redisSettings.resolve(options.redis, app.env) : undefined
  if (!settings) {
    if (replicas > 1) {
      notes.error(
        `No Redis is configured, so each of ${replicas} instances has its own cache, and an invalidation reaches one instance only.`,
        'Set NUXT_SCALE_REDIS_URL (or REDIS_URL).',
      )
    }
    return notes.findings
  }
  const name = describeRedis(settings)
  const connection = createRedisConnection({ ...settings, commandTimeout: ANSWER_TIMEOUT }, { log: { info: () => {}, warn: () => {} } })
  try {
    await connection.run(client => client.ping(), ANSWER_TIMEOUT)
    const masters = connection.masters()
    for (const master of masters) {
      const examining = examineMaster(master, {
        notes,
        name: masters.length > 1 ? `${name}, master ${master.options.host}:${master.options.port}` : name,
        replicas,
        stores: Boolean(options.storage && options.storage.redis),
      })
      await withDeadline(examining, ANSWER_TIMEOUT, () => new Error(`no answer within ${ANSWER_TIMEOUT} ms`))
    }
  }
  catch (error) {
    notes.error(`${name} cannot be used: `
      + `${(error as Error).message.replace(/\.$/, '')}.`, 'Start it, and check address, password, TLS and firewall.')
  }
  finally {
    await connection.close()
  }
  return notes.findings
}

interface MasterContext {
  notes: Notes
  name: string
  replicas: number
  /** Whether `useStorage('redis')` may contain data that is not a cache. */
  stores: boolean
}

async function examineMaster(master: Redis, { notes, name, replicas, stores }: MasterContext): Promise<void> {
  const asked = Date.now()
  const [seconds, microseconds] = await master.time()
  const skew = skewOf(Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000), asked, Date.now())
  if (skew > 0) notes.warn(`The clock of ${name} differs by ${skew} ms.`, 'Run chrony or another NTP client on both machines.')

  const info = parseInfo(await master.info())
  const config = await readConfig(master)
  if (info.role !== 'master') notes.error(`${name} is a replica, which refuses writes.`, 'Write the address of '
    + 'the master, or use Sentinel or Cluster.')
  if (info.loading === '1') notes.error(`${name} is still loading its data.`, 'Wait until it is loaded before you start instances.')
  notes.ok(`${name} answers (Redis ${info.redis_version}).`)

  const limit = Number(info.maxmemory ?? 0)
  const policy = info.maxmemory_policy ?? config?.get('maxmemory-policy')
  if (limit === 0) {
    notes.warn(
      `${name} does not have a memory limit and may use all memory of its machine.`,
      'Set maxmemory, and maxmemory-policy volatile-lfu (allkeys-lfu if Redis contains only the cache).',
    )
  }
  else if (policy === 'noeviction') {
    notes.error(
      `${name} rejects every write when its memory is full: maxmemory-policy is noeviction.`,
      'Set maxmemory-policy volatile-lfu: every key of the cache has an expiry time.',
    )
  }
  else if (policy?.startsWith('allkeys') && stores) {
    notes.warn(
      `${name} may evict the data of useStorage('redis'): maxmemory-policy is ${policy}.`,
      'Set maxmemory-policy volatile-lfu, which does not evict keys without an expiry time.',
    )
  }
  else {
    notes.ok(`${name} evicts keys by ${policy} at ${Math.round(limit / 1024 / 1024)} MB.`)
  }
  if (limit > 0 && Number(info.used_memory) > 0.9 * limit) {
    const percent = Math.round(100 * Number(info.used_memory) / limit)
    notes.warn(`${name} uses ${percent} % of its memory limit.`, 'Raise maxmemory, or shorten the times to live.')
  }

  if (info.rdb_last_bgsave_status === 'err' && config?.get('stop-writes-on-bgsave-error') !== 'no') {
    notes.error(
      `${name} rejects writes because it could not save its data.`,
      'Check its disk and log. For a cache, you can set stop-writes-on-bgsave-error to no.',
    )
  }
  if (info.aof_last_write_status === 'err') notes.error(`${name} could not write its append-only file.`, 'Check its disk and log.')
  if (stores && info.aof_enabled === '0' && config?.get('save') === '') {
    notes.warn(
      `${name} loses all data when it restarts, including the data of useStorage('redis').`,
      'Set appendonly yes, or use the storage mount only for caches.',
    )
  }

  const most = Number(config?.get('maxclients') ?? info.maxclients ?? Number.NaN)
  const needed = replicas * CONNECTIONS_PER_INSTANCE
  if (most < needed * 2) {
    notes.warn(`${name} allows ${most} connections, but ${replicas} instances need ${needed}, and twice as many during a `
      + `rollout.`, 'Raise maxclients.')
  }
}

/** Reads settings of Redis. Managed services often block CONFIG; the caller then falls back to INFO. */
async function readConfig(master: Redis): Promise<Map<string, string> | undefined> {
  const names = ['maxmemory-policy', 'save', 'stop-writes-on-bgsave-error', 'maxclients']
  try {
    const answers = await Promise.all(names.map(name => master.config('GET', name) as Promise<string[]>))
    return new Map(answers.map(([name, value]) => [name!, value!]))
  }
  catch {
    return undefined
  }
}

function parseInfo(text: string): Record<string, string | undefined> {
  return Object.fromEntries(text.split('\r\n').filter(line => line.includes(':')).map((line) => {
    const at = line.indexOf(':')
    return [line.slice(0, at), line.slice(at + 1)]
  }))
}
