import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Finding } from '../../src/cli/doctor/finding'
import type { CliRun } from '../support/cli'
import { createCliApp } from '../support/cli'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import type { RabbitServer } from '../support/rabbitmq'
import { startRabbit } from '../support/rabbitmq'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'

let redis: RedisServer
let rabbit: RabbitServer
let postgres: PostgresServer
let healthy: NodeJS.ProcessEnv

const scale = `{
  database: { maxConnections: 20 },
  shards: { map: { eu: 'DATABASE_URL_EU', us: 'DATABASE_URL_US' }, slotMapFile: 'server/shards.json' },
  tenancy: { map: { acme: 'DATABASE_URL' }, trustedProxies: ['10.0.0.0/8'] },
  rabbitmq: {},
  shutdown: {},
  rateLimit: { replicas: 2, trustedProxies: ['10.0.0.0/8'], rules: { '/api/**': { limit: 10, window: 1 } } },
}`

beforeAll(async () => {
  [redis, rabbit, postgres] = await Promise.all([startRedis({ args: ['--maxmemory', '64mb', '--maxmemory-policy', 'volatile-lfu', '--appendonly', 'yes'] }), startRabbit(), startPostgres()])
  await postgres.createDatabases('eu', 'us')
  healthy = {
    REDIS_URL: redis.url,
    RABBITMQ_URL: rabbit.url(),
    DATABASE_URL: postgres.url('app'),
    DATABASE_URL_EU: postgres.url('eu'),
    DATABASE_URL_US: postgres.url('us'),
    NUXT_SCALE_SECRET: 'a long random text',
  }
})

afterAll(async () => {
  await Promise.all([redis?.stop(), rabbit?.stop(), postgres?.stop()])
})

interface Report { errors: number, warnings: number, ok: number, findings: Finding[] }

/** Examines the app, which is healthy but for what `env` and `args` say. */
async function doctor(env: NodeJS.ProcessEnv = {}, args: string[] = ['--replicas', '2'], options = scale): Promise<CliRun & { report: Report, wrong: string[] }> {
  const app = createCliApp(options)
  onTestFinished(app.remove)
  const run = await app.run(['doctor', ...args, '--json'], { ...healthy, ...env })
  for (const { password } of [postgres, rabbit]) expect(run.stdout + run.stderr).not.toContain(password)
  const report = run.stdout ? JSON.parse(run.stdout) as Report : { errors: 0, warnings: 0, ok: 0, findings: [] }
  for (const { severity, fix } of report.findings) expect(typeof fix).toBe(severity === 'ok' ? 'undefined' : 'string')
  return { ...run, report, wrong: report.findings.filter(({ severity }) => severity !== 'ok').map(({ severity, feature, message }) => `${severity} ${feature}: ${message}`) }
}

describe('what is healthy', () => {
  it('is said to be, with exit code 0', async () => {
    const { code, report, wrong } = await doctor({}, ['--replicas', '2', '--strict'])
    expect({ code, wrong }).toEqual({ code: 0, wrong: [] })
    expect(report.findings.map(({ message }) => message)).toEqual(expect.arrayContaining([
      expect.stringMatching(/^redis:\/\/.+ answers \(Redis \d/),
      expect.stringMatching(/^amqp:\/\/.+ answers \(RabbitMQ \d/),
      '3 of 3 databases answer, on 1 server.',
      'The slot map is stored.',
      'All shutdown times together fit into the grace period.',
    ]))
  })

  it('is printed for people', async () => {
    const app = createCliApp('{ redis: false }')
    onTestFinished(app.remove)
    const { code, stdout } = await app.run(['doctor'], { NUXT_SCALE_SECRET: 'a long random text' })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^✔ secret: NUXT_SCALE_SECRET is set\.$/m)
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('No problems found.')
    const short = await app.run(['doctor'], { NUXT_SCALE_SECRET: 'fifteen letters' })
    expect([short.code, short.stdout]).toEqual([1, expect.stringContaining('NUXT_SCALE_SECRET has 15 characters, but the server needs at least 16 to start.')])
    expect(short.stdout).not.toContain('fifteen letters')
  })
})

describe('what is wrong is found', () => {
  it('in the options', async () => {
    const unsigned = scale.replace('trustedProxies: [\'10.0.0.0/8\'] },\n  rabbitmq', '},\n  rabbitmq').replace(', slotMapFile: \'server/shards.json\'', '').replace('replicas: 2, trustedProxies: [\'10.0.0.0/8\'], ', '').replace('shutdown: {}', 'shutdown: { drainDelay: 10, keepAliveTimeout: 30 }')
    const { code, wrong } = await doctor({ NUXT_SCALE_SECRET: '', NUXT_SCALE_HEALTH_DETAILS: 'always' }, ['--replicas', '2', '--balancer-keep-alive', '60s'], unsigned)
    expect(code).toBe(1)
    expect(wrong).toEqual([
      'error tenancy: Any client can select any tenant with the header x-tenant-id, so a production server does not start.',
      'error secret: No secret is set, so each instance rejects the cursors and read-your-writes cookies of the others.',
      'error shutdown: An instance closes an idle connection after 30 s, but the balancer keeps it for 60 s, so a request may fail on a closed connection.',
      'warning health: Every client sees memory, host name and Node version, because scale.health.details is \'always\'.',
      'warning shutdown: The shutdown may take 35 s (drainDelay 10 s, timeout 8 s, scale.rabbitmq.drainTimeout 15 s, and 2 s for the rest), but the process is killed after 30 s (scale.shutdown.gracePeriod).',
      'warning rateLimit: All callers share one limit, because scale.rateLimit.trustedProxies is empty and every request has the address of the balancer.',
      'warning rateLimit: If Redis is down, each instance allows 1/1 of a limit, but there are 2 instances.',
      'warning shards: The slot map is not stored, so adding or removing a shard makes the app look for existing rows on the wrong shard.',
    ])
  })

  it('when many instances come and go', async () => {
    const { wrong } = await doctor({}, [], scale.replace('shutdown: {}', 'deploy: { replicas: { web: { max: 4 }, worker: { max: 2 } } }').replace('maxConnections: 20', 'maxConnections: 17').replace('replicas: 2', 'replicas: 6'))
    expect(wrong).toEqual([
      'error database: PostgreSQL at 127.0.0.1:' + postgres.port + ' has 97 connections, but the instances may open 6 × 17 = 102.',
      'warning shutdown: On SIGTERM an instance rejects new connections immediately, while balancers still send requests to it.',
    ])
  })

  it('in Redis', async () => {
    const client = redis.client()
    await client.config('SET', 'maxmemory-policy', 'noeviction')
    onTestFinished(async () => void await client.config('SET', 'maxmemory-policy', 'volatile-lfu', 'maxmemory', '64mb', 'maxclients', '1000'))
    expect((await doctor()).wrong).toEqual([expect.stringMatching(/^error redis: .+ rejects every write when its memory is full: maxmemory-policy is noeviction\.$/)])
    await client.config('SET', 'maxmemory', '0', 'maxclients', '40')
    expect((await doctor({}, ['--replicas', '8'], scale.replace('maxConnections: 20', 'maxConnections: 5').replace('replicas: 2', 'replicas: 8'))).wrong).toEqual([
      expect.stringMatching(/^warning redis: .+ does not have a memory limit and may use all memory of its machine\.$/),
      expect.stringMatching(/^warning redis: .+ allows 40 connections, but 8 instances need 24, and twice as many during a rollout\.$/),
    ])
  })

  it('in RabbitMQ that is short of memory', async () => {
    await rabbit.memoryAlarm(true)
    onTestFinished(() => rabbit.memoryAlarm(false))
    expect((await doctor()).wrong).toEqual([expect.stringMatching(/^error rabbitmq: .+ does not accept messages: low on memory\.$/)])
  })

  it('in a PostgreSQL that cannot hold all pools', async () => {
    const { code, wrong, report } = await doctor({ NUXT_SCALE_DATABASE_MAX_CONNECTIONS: '50' })
    expect([code, wrong]).toEqual([1, [`error database: PostgreSQL at 127.0.0.1:${postgres.port} has 97 connections, but the instances may open 2 × 50 = 100.`]])
    expect(report.findings[0]!.fix).toContain('scale.database.maxConnections to 48 or less')
    expect((await doctor({ NUXT_SCALE_DATABASE_MAX_CONNECTIONS: '48' })).wrong).toEqual([expect.stringMatching(/^warning database: .+ not for old and new instances during a rollout\.$/)])
  })

  it('in services that are not there', async () => {
    const nobody = '127.0.0.1:1'
    const { code, wrong } = await doctor({ REDIS_URL: `redis://:hidden@${nobody}`, RABBITMQ_URL: `amqp://user:hidden@${nobody}`, DATABASE_URL_US: `postgresql://user:hidden@${nobody}/us` })
    expect(code).toBe(1)
    expect(wrong).toEqual([
      expect.stringMatching(/^error redis: redis:\/\/127\.0\.0\.1:1\/0 cannot be used: /),
      expect.stringMatching(/^error rabbitmq: amqp:\/\/127\.0\.0\.1:1 cannot be used: connect ECONNREFUSED/),
      expect.stringMatching(/^error database: The database shard us cannot be used: connect ECONNREFUSED/),
    ])
    expect((await doctor({ REDIS_URL: '', RABBITMQ_URL: '', DATABASE_URL_US: '' })).wrong).toEqual([
      'error redis: No Redis is configured, so each of 2 instances has its own cache, and an invalidation reaches one instance only.',
      'error rabbitmq: No RabbitMQ is configured, so messages exist only in the process that sends them and are lost when it stops.',
      expect.stringMatching(/^error database: scale\.shards\.map\.us names the environment variable DATABASE_URL_US, which is not set/),
    ])
  })

  it('in a deployment', async () => {
    const server = createServer((_, response) => response.writeHead(503, { 'cache-control': 'max-age=60', 'date': 'Tue, 24 Nov 2020 00:00:00 GMT', 'keep-alive': 'timeout=5' }).end('{"status":"error"}'))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { wrong } = await doctor({}, ['--replicas', '2', '--url', url, '--balancer-keep-alive', '60s'])
    expect(wrong).toEqual([
      `error deployment: ${url}/api/health answers 503: a dependency is missing.`,
      `error deployment: A proxy may cache the response of ${url}/api/health.`,
      expect.stringMatching(/^error deployment: .+ closes an idle connection after 5 s, but the balancer keeps it for 60 s/),
      expect.stringMatching(/^warning deployment: The clock of .+ differs by \d+ ms\.$/),
    ])
    server.close()
    server.closeAllConnections()
    expect((await doctor({}, ['--url', url])).wrong).toContainEqual(expect.stringMatching(/^error deployment: .+ does not answer: connect ECONNREFUSED/))
  })
})

it('what is no number, no address or no flag is refused', async () => {
  for (const [args, sentence] of [[['--replicas', '0'], '--replicas is "0"'], [['--url', 'shop.example'], '--url is "shop.example"'], [['--fix'], '--fix is not a flag']] as const) {
    const { code, stderr } = await doctor({}, [...args])
    expect([code, stderr]).toEqual([1, expect.stringContaining(sentence)])
  }
})
