import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Cluster, Redis } from 'ioredis'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { startBrowser } from '../support/browser.ts'
import { productionEnvironment } from '../support/environment.ts'
import { buildFixture, fixtureFingerprint, startNuxt } from '../support/nuxt.ts'
import { freeClusterPort, freePort } from '../support/ports.ts'
import { startPostgres } from '../support/postgres.ts'
import { startProcess } from '../support/process.ts'
import { startRedis } from '../support/redis.ts'
import { startRedisCluster } from '../support/redis-cluster.ts'
import { startRedisSentinel } from '../support/redis-sentinel.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { waitFor } from '../support/wait.ts'

const run = promisify(execFile)
const support = (file: string) => fileURLToPath(new URL(`../support/${file}`, import.meta.url))

const repositoryFile = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url))

/** The names that a script, and the files of this repository that it imports, give to `requireBinary`. */
async function programsStartedBy(script: string): Promise<string[]> {
  const programs = new Set<string>()
  const files = new Set([script])
  for (const file of files) {
    const source = await readFile(repositoryFile(file), 'utf8')
    for (const [, path] of source.matchAll(/^(?:import|export) (?!type).*from '(\.[^']+\.ts)'/gm)) files.add(join(dirname(file), path!))
    for (const [, name] of source.matchAll(/requireBinary\('([^']+)'\)/g)) programs.add(name!)
  }
  return [...programs].sort()
}

const cleanups: (() => unknown)[] = []
function owned<Resource>(resource: Resource, cleanup: (resource: Resource) => unknown): Resource {
  cleanups.push(() => cleanup(resource))
  return resource
}
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup()
  }
})

function temporaryFolder(label: string): string {
  return owned(createTemporaryDirectory(label), directory => directory.remove()).path
}

describe('install', () => {
  it('prints nothing and succeeds when every program is there', async () => {
    const { stdout } = await run(process.execPath, [support('install.ts')])
    expect(stdout).toBe('')
  })

  it('stops with one sentence that names the packages and the command when it cannot install', async () => {
    const empty = temporaryFolder('empty-path')
    const failure = await run(process.execPath, [support('install.ts')], { env: { PATH: empty } }).catch(error => error)
    expect(failure.code).toBe(1)
    expect(failure.stdout).toBe('')
    expect(failure.stderr.trim().split('\n')).toHaveLength(1)
    expect(failure.stderr).toContain('redis-server, redis-cli, caddy, epmd, openssl, promtool, wrk, chromium')
    expect(failure.stderr).toContain('apt-get install -y --no-install-recommends redis-server redis-tools caddy erlang-base openssl prometheus wrk chromium')
  })

  it('installs for the demo what the demo starts, and nothing else', async () => {
    const { scripts } = JSON.parse(await readFile(repositoryFile('package.json'), 'utf8')) as { scripts: Record<string, string> }
    const given = /install\.ts([^&]*)&& node demo\/run\.ts/.exec(scripts.demo!)![1]!.trim().split(' ').filter(Boolean)
    // openssl makes certificates for servers with TLS, which the demo does not have.
    expect(given.toSorted()).toEqual((await programsStartedBy('demo/run.ts')).filter(name => name !== 'openssl'))
    const failure = await run(process.execPath, [support('install.ts'), ...given], { env: { PATH: temporaryFolder('empty-path') } }).catch(error => error)
    expect(failure.stderr).toContain('redis-server, epmd are not installed')
    expect(failure.stderr).toContain('apt-get install -y --no-install-recommends redis-server erlang-base"')
  })

  it('accepts a browser named by CHROMIUM_PATH', async () => {
    const empty = temporaryFolder('empty-path')
    const failure = await run(process.execPath, [support('install.ts')], {
      env: { PATH: empty, CHROMIUM_PATH: process.execPath },
    }).catch(error => error)
    expect(failure.stderr).toContain('redis-server')
    expect(failure.stderr).not.toContain('chromium')
  })
})

describe('ports', () => {
  it('gives different ports to callers that ask at once, in this process and in others', async () => {
    // The other processes keep theirs until their input closes, so that all reservations overlap.
    const script = `import { freePort } from ${JSON.stringify(support('ports.ts'))}
      const ports = await Promise.all(Array.from({ length: 40 }, freePort))
      console.log(JSON.stringify(ports))
      await new Promise(resolve => setTimeout(resolve, 60_000))`
    const others = await Promise.all([1, 2].map(async () => owned(await startProcess({
      command: process.execPath,
      args: ['--input-type=module', '-e', script],
      ready: { line: /^\[/ },
    }), child => child.kill())))
    const mine = await Promise.all(Array.from({ length: 40 }, freePort))
    const all = [...mine, ...others.flatMap(child => JSON.parse(child.output()[0]!) as number[])]
    expect(new Set(all).size).toBe(120)
  })

  it('leaves space for the bus port of a cluster node', async () => {
    expect(await freeClusterPort()).toBeLessThan(55_535)
  })
})

describe('process', () => {
  const script = (source: string) => ({ command: process.execPath, args: ['-e', source] })

  it('shows the last output lines when the child ends before it is ready', async () => {
    const started = startProcess({ ...script('console.error("no disk left"); process.exit(3)'), ready: { line: /up/ } })
    await expect(started).rejects.toThrow(/exit code 3[\s\S]*no disk left/)
  })

  it('ends a child that ignores SIGTERM', async () => {
    const child = await startProcess({
      ...script('process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("up")'),
      ready: { line: /^up$/ },
      stopTimeout: 100,
    })
    expect(await child.stop()).toEqual({ code: null, signal: 'SIGKILL' })
    expect(child.running).toBe(false)
  })

  it('stops and continues a child', async () => {
    const child = owned(await startProcess({
      ...script('setInterval(() => console.log("tick"), 1)'),
      ready: { line: /tick/ },
      outputLines: 1_000_000,
    }), started => started.kill())
    await child.pause()
    const status = await readFile(`/proc/${child.pid}/stat`, 'utf8')
    expect(status).toContain(') T ')
    await child.resume()
    const seen = child.output().length
    await waitFor(() => child.output().length > seen)
    expect(await child.stop()).toEqual({ code: null, signal: 'SIGTERM' })
  })

  it('leaves no child behind when the owner is killed', async () => {
    const owner = await startProcess({
      command: process.execPath,
      args: ['--input-type=module', '-e', `import { startProcess } from ${JSON.stringify(support('process.ts'))}
        const child = await startProcess({ command: 'sleep', args: ['60'] })
        console.log('child ' + child.pid)
        setInterval(() => {}, 1000)`],
      ready: { line: /^child/ },
    })
    const pid = Number(owner.output()[0]!.split(' ')[1])
    expect(existsSync(`/proc/${pid}`)).toBe(true)
    await owner.kill()
    await waitFor(async () => !existsSync(`/proc/${pid}`) || (await readFile(`/proc/${pid}/stat`, 'utf8')).includes(') Z '))
  })
})

describe('wait', () => {
  it('returns the first truthy value', async () => {
    let calls = 0
    expect(await waitFor(() => ++calls === 3 && 'third', { interval: 1 })).toBe('third')
  })

  it('says what it waited for and why the last try failed, even when a try hangs', async () => {
    await expect(waitFor(() => {
      throw new Error('still down')
    }, { timeout: 30, message: 'the server' })).rejects.toThrow('Waited 30 ms for the server (last error: still down).')
    await expect(waitFor(() => new Promise(() => {}), { timeout: 30 })).rejects.toThrow('Waited 30 ms for the condition.')
  })

  it('collects unhandled rejections until it is stopped', async () => {
    // In a process of its own, because vitest fails a run in which one happens.
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', `
      import { trackUnhandledRejections } from ${JSON.stringify(support('wait.ts'))}
      const tracked = trackUnhandledRejections()
      Promise.reject(new Error('lost'))
      await new Promise(setImmediate)
      tracked.stop()
      console.log(tracked.list.map(String).join(), process.listenerCount('unhandledRejection'))`])
    expect(stdout.trim()).toBe('Error: lost 0')
  })
})

describe('redis', () => {
  it('asks for the password, and the address carries it', async () => {
    const redis = owned(await startRedis({ password: 'p@ss:/word' }), server => server.stop())
    const byUrl = owned(new Redis(redis.url), client => client.disconnect())
    expect(await byUrl.set('greeting', 'hello')).toBe('OK')
    const stranger = redis.client({ password: undefined })
    await expect(stranger.get('greeting')).rejects.toThrow('NOAUTH')
  })

  it('serves TLS under an authority that a client must know, with a password', async () => {
    const redis = owned(await startRedis({ password: 'secret', tls: true }), server => server.stop())
    expect(redis.url).toMatch(/^rediss:/)
    expect(await redis.client().ping()).toBe('PONG')
    const distrustful = owned(new Redis(redis.url, { lazyConnect: true, retryStrategy: () => null }), client => client.disconnect())
    const errors: Error[] = []
    distrustful.on('error', error => errors.push(error))
    await expect(distrustful.connect()).rejects.toThrow()
    expect(errors[0]!.message).toContain('certificate')
  })

  it('is killed, restarted on its port, and deletes its folder at the end', async () => {
    const redis = owned(await startRedis(), server => server.stop())
    const client = redis.client()
    await client.set('key', 'value')
    const [, folder] = await client.config('GET', 'dir') as [string, string]
    await redis.kill()
    expect(redis.running).toBe(false)
    await expect(redis.client({ retryStrategy: () => null }).ping()).rejects.toThrow()
    const before = redis.pid
    await redis.restart()
    expect(redis.pid).not.toBe(before)
    expect(await client.get('key')).toBeNull()
    expect(existsSync(folder)).toBe(true)
    await redis.stop()
    expect(existsSync(folder)).toBe(false)
    await expect(redis.restart()).rejects.toThrow('use kill() before restart()')
  })

  it('answers nothing while it is paused', async () => {
    const redis = owned(await startRedis(), server => server.stop())
    const client = redis.client()
    await client.ping()
    await redis.pause()
    let answered = false
    const answer = client.ping().then(() => answered = true)
    await expect(redis.client({ commandTimeout: 200 }).ping()).rejects.toThrow('timed out')
    expect(answered).toBe(false)
    await redis.resume()
    expect(await answer).toBe(true)
  })
})

describe('redis cluster', () => {
  it('moves a slot with its keys to another master', async () => {
    const cluster = owned(await startRedisCluster({ password: 'secret' }), started => started.stop())
    expect(cluster.nodes).toHaveLength(3)
    const client = owned(new Cluster(cluster.startupNodes, { redisOptions: { password: 'secret' } }), started => started.disconnect())
    const keys = Array.from({ length: 250 }, (_, index) => `{moving}:${index}`)
    await Promise.all(keys.map(key => client.set(key, key)))

    const slot = await cluster.slotOf('{moving}')
    const from = await cluster.slotOwner(slot)
    const to = (from + 1) % 3
    await cluster.moveSlot(slot, to)

    expect(await cluster.slotOwner(slot)).toBe(to)
    expect(await cluster.nodes[to]!.client().cluster('COUNTKEYSINSLOT', slot)).toBe(250)
    expect(await cluster.nodes[from]!.client().cluster('COUNTKEYSINSLOT', slot)).toBe(0)
    await expect(cluster.nodes[from]!.client().get(keys[0]!)).rejects.toThrow(`MOVED ${slot}`)
    expect(await Promise.all(keys.map(key => client.get(key)))).toEqual(keys)
  })

  it('gives each master its replicas', async () => {
    const cluster = owned(await startRedisCluster({ replicas: 1 }), started => started.stop())
    expect(cluster.nodes).toHaveLength(6)
    const roles = await Promise.all(cluster.nodes.map(async node => (await node.client().call('ROLE') as string[])[0]))
    expect(roles).toEqual(['master', 'master', 'master', 'slave', 'slave', 'slave'])
  })
})

describe('redis sentinel', () => {
  it('fails over on demand and when the master dies', async () => {
    const group = owned(await startRedisSentinel({ password: 'secret', sentinelPassword: 'watch' }), started => started.stop())
    const client = owned(new Redis({
      sentinels: group.sentinels,
      name: group.name,
      password: 'secret',
      sentinelPassword: 'watch',
      sentinelRetryStrategy: attempt => Math.min(attempt * 50, 200),
    }), started => started.disconnect())
    client.on('error', () => {})
    await client.set('key', 'before')
    await client.wait(1, 2000)

    const first = await group.master()
    const second = await group.failover()
    expect(second.port).not.toBe(first.port)
    expect(await group.master()).toBe(second)
    await waitFor(() => client.set('key', 'after'), { message: 'a write through Sentinel' })
    expect(await second.client().get('key')).toBe('after')

    await second.kill()
    const third = await group.waitForNewMaster(second)
    expect(third).toBe(first)
    await waitFor(() => client.set('key', 'again'), { message: 'a write through Sentinel' })
    expect(await third.client().get('key')).toBe('again')
  }, 30_000)
})

describe('postgres', () => {
  it('serves databases and schemas to a role that max_connections holds for, freezes, and keeps its data over a restart', async () => {
    const server = owned(await startPostgres({ maxConnections: 5 }), started => started.stop())
    await server.createDatabases('other')
    await server.createSchemas('other', 'one', 'two')
    const connect = async () => {
      const client = owned(new pg.Client({ connectionString: server.url('other'), connectionTimeoutMillis: 1000 }), started => started.end().catch(() => {}))
      client.on('error', () => {})
      await client.connect()
      return client
    }
    const first = await connect()
    await first.query('create table one.items (id int); insert into one.items values (1)')
    await connect()
    expect(await server.connections()).toBe(2)
    await expect(connect()).rejects.toThrow('remaining connection slots are reserved')
    expect(server.refusals()).toHaveLength(1)
    await server.pause()
    await expect(first.query({ text: 'select 1', query_timeout: 500 } as pg.QueryConfig)).rejects.toThrow('timeout')
    await server.resume()
    await server.query('insert into one.items values (2)', 'other')
    await server.restart()
    expect(await server.query('select count(*)::int as count from one.items', 'other')).toEqual([{ count: 2 }])
  })
})

describe('tcp proxy', () => {
  async function startProxiedRedis(options?: Parameters<typeof startTcpProxy>[1]) {
    const redis = owned(await startRedis(), server => server.stop())
    const proxy = owned(await startTcpProxy(redis.port, options), started => started.close())
    const connect = (clientOptions = {}) => redis.client({ port: proxy.port, ...clientOptions })
    return { redis, proxy, connect }
  }

  it('forwards large values through a small buffer', async () => {
    const { proxy, connect } = await startProxiedRedis({ bufferLimit: 1024 })
    const client = connect()
    const value = 'x'.repeat(3_000_000)
    await client.set('large', value)
    expect(await client.get('large') === value).toBe(true)
    expect(proxy.connections).toHaveLength(1)
    client.disconnect()
    await waitFor(() => proxy.connections.length === 0)
  })

  it('refuses and accepts new connections, and leaves the open ones alone', async () => {
    const { proxy, connect } = await startProxiedRedis()
    const open = connect()
    await open.ping()
    proxy.refuse()
    await expect(connect({ retryStrategy: () => null }).ping()).rejects.toThrow()
    expect(await open.ping()).toBe('PONG')
    await proxy.accept()
    expect(await connect({ retryStrategy: () => null }).ping()).toBe('PONG')
  })

  it('cuts only the connection a predicate picks', async () => {
    const { proxy, connect } = await startProxiedRedis()
    const commands = connect()
    // A subscription that is repeated while the test ends would be rejected with nobody to catch it.
    const subscriber = connect({ autoResubscribe: false })
    await commands.ping()
    await subscriber.subscribe('news')
    let commandsClosed = false
    commands.once('close', () => commandsClosed = true)
    const closed = new Promise(resolve => subscriber.once('close', resolve))
    expect(proxy.cut(({ sent }) => /subscribe/i.test(sent))).toBe(1)
    await closed
    expect(await commands.ping()).toBe('PONG')
    expect(commandsClosed).toBe(false)
    await waitFor(() => proxy.accepted === 3, { message: 'the subscriber to connect again' })
  })

  it('holds everything back during a freeze while the sockets stay open, and delivers it afterwards', async () => {
    const { redis, proxy, connect } = await startProxiedRedis()
    const client = connect()
    await client.set('key', 'old')
    let closed = false
    client.once('close', () => closed = true)
    proxy.freeze()
    let answered = false
    const written = client.set('key', 'new').then(() => answered = true)
    await expect(connect({ commandTimeout: 200 }).ping()).rejects.toThrow('timed out')
    expect(await redis.client().get('key')).toBe('old')
    expect({ answered, closed }).toEqual({ answered: false, closed: false })
    proxy.thaw()
    await written
    expect(await redis.client().get('key')).toBe('new')
  })

  it('slows a sender down instead of holding more than its limit', async () => {
    const { redis, proxy, connect } = await startProxiedRedis({ bufferLimit: 1024 })
    const client = connect()
    await client.ping()
    proxy.freeze()
    const value = 'x'.repeat(32_000_000)
    const written = client.set('large', value)
    await expect(connect({ commandTimeout: 300 }).ping()).rejects.toThrow('timed out')
    const { writableLength } = (client as unknown as { stream: { writableLength: number } }).stream
    expect(writableLength).toBeGreaterThan(0)
    proxy.thaw()
    expect(await written).toBe('OK')
    expect(await redis.client().strlen('large')).toBe(value.length)
  })

  it('hides the end of a killed server while frozen', async () => {
    const { redis, proxy, connect } = await startProxiedRedis()
    const client = connect()
    await client.ping()
    let closed = false
    const end = new Promise<void>(resolve => client.once('close', () => {
      closed = true
      resolve()
    }))
    proxy.freeze()
    await redis.kill()
    await redis.restart()
    await redis.client().ping()
    expect(closed).toBe(false)
    proxy.thaw()
    await end
  })

  it('freezes only the subscriber, also the one that comes back, and drops what it missed', async () => {
    const { redis, proxy, connect } = await startProxiedRedis()
    const commands = connect()
    const subscriber = connect()
    const received: string[] = []
    subscriber.on('message', (_channel, message) => received.push(message))
    await subscriber.subscribe('news')
    await commands.ping()
    proxy.freeze({ only: ({ sent }) => /subscribe/i.test(sent), discard: true })
    expect(proxy.connections.map(({ frozen }) => frozen).sort()).toEqual([false, true])
    expect(await commands.publish('news', 'lost')).toBe(1)

    const late = connect({ commandTimeout: 200 })
    await expect(late.subscribe('news')).rejects.toThrow('timed out')
    expect(await commands.ping()).toBe('PONG')

    proxy.thaw()
    expect(await redis.client().publish('news', 'heard')).toBeGreaterThan(0)
    await waitFor(() => received.includes('heard'))
    expect(received).toEqual(['heard'])
  })

  it('delays each direction', async () => {
    const { proxy, connect } = await startProxiedRedis()
    const client = connect()
    await client.ping()
    proxy.delay(60)
    const start = performance.now()
    await client.ping()
    expect(performance.now() - start).toBeGreaterThanOrEqual(119)
  })
})

describe('browser', () => {
  it('opens a page in a colour scheme and size, and reports its errors', async () => {
    const server = owned(createServer((request, response) => {
      response.setHeader('content-type', 'text/html')
      response.end('<!doctype html><link rel="icon" href="data:,"><h1>Shop</h1><script>throw new Error("broken script")</script>')
    }), started => started.close())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const browser = owned(await startBrowser(), started => started.close())
    const { page, errors } = await browser.openPage(url, { colorScheme: 'dark', viewport: { width: 400, height: 700 } })
    expect(await page.textContent('h1')).toBe('Shop')
    expect(await page.evaluate('[innerWidth, matchMedia("(prefers-color-scheme: dark)").matches]')).toEqual([400, true])
    expect(errors).toEqual(['broken script'])
  }, 60_000)
})

describe('nuxt', () => {
  // Inside the repository, so that the apps find Nuxt.
  async function appFolder(name: string): Promise<string> {
    const folder = fileURLToPath(new URL(`../.tmp/${name}`, import.meta.url))
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
    return owned(folder, path => rm(path, { recursive: true, force: true, maxRetries: 3 }))
  }

  it('builds an app once for callers that ask at once, and starts it with the given environment only', async () => {
    const root = await appFolder('support-app')
    await mkdir(join(root, 'server/api'), { recursive: true })
    await mkdir(join(root, '.data'))
    await writeFile(join(root, 'nuxt.config.ts'), `import { appendFileSync } from 'node:fs'
      export default { compatibilityDate: '2026-01-01', ssr: false, runtimeConfig: { greeting: '' },
        hooks: { 'build:done': () => appendFileSync(${JSON.stringify(join(root, '.data/builds'))}, 'x') } }\n`)
    await writeFile(join(root, 'tsconfig.json'), '{}\n')
    await writeFile(join(root, 'app.vue'), '<template><p>support</p></template>\n')
    await writeFile(join(root, 'server/api/greeting.ts'), `export default defineEventHandler(event => ({
      greeting: useRuntimeConfig(event).greeting, mode: process.env.NODE_ENV, vitest: process.env.VITEST ?? null }))\n`)

    const folders = { buildDir: '.nuxt-one', outputDir: '.output-one' }
    const [first, second] = await Promise.all([buildFixture(root, folders), buildFixture(root, folders)])
    expect(first).toBe(join(root, '.output-one'))
    expect(second).toBe(first)
    expect(await readFile(join(root, '.data/builds'), 'utf8')).toBe('x')
    expect(existsSync(join(root, '.output'))).toBe(false)

    const app = owned(await startNuxt(first, { env: { NUXT_GREETING: 'hello' } }), started => started.kill())
    const response = await app.fetch('/api/greeting')
    expect(await response.json()).toEqual({ greeting: 'hello', mode: 'production', vitest: null })
    expect(app.logs().join('\n')).toContain('Listening')
    await app.pause()
    await expect(app.fetch('/api/greeting', { signal: AbortSignal.timeout(200) })).rejects.toThrow('timeout')
    await app.resume()
    expect((await app.fetch('/api/greeting')).status).toBe(200)
    await app.stop()
    expect(app.running).toBe(false)
  }, 300_000)

  it('builds again when a source file or an option changed, not when an output did', async () => {
    const root = temporaryFolder('fingerprint')
    await mkdir(join(root, 'server'))
    await writeFile(join(root, 'server/route.ts'), 'one')
    const original = await fixtureFingerprint(root)
    await mkdir(join(root, '.output'))
    await writeFile(join(root, '.output/index.mjs'), 'built')
    expect(await fixtureFingerprint(root)).toBe(original)
    expect(await fixtureFingerprint(root, { env: { VARIANT: '1' } })).not.toBe(original)
    await writeFile(join(root, 'server/route.ts'), 'two')
    expect(await fixtureFingerprint(root)).not.toBe(original)
  })

  it('names the reason when a build fails', async () => {
    const root = await appFolder('support-broken')
    await writeFile(join(root, 'nuxt.config.ts'), 'throw new Error("bad fixture")\n')
    await expect(buildFixture(root)).rejects.toThrow(/support-broken failed[\s\S]*bad fixture/)
  }, 60_000)

  it('keeps the runner and the developer\'s own servers out of the environment', () => {
    process.env.REDIS_URL = 'redis://elsewhere'
    const environment = productionEnvironment({ NUXT_SCALE_REDIS_URL: 'redis://here' })
    delete process.env.REDIS_URL
    expect(environment.REDIS_URL).toBeUndefined()
    expect(environment.NUXT_SCALE_REDIS_URL).toBe('redis://here')
    expect(Object.keys(environment).filter(name => name.startsWith('VITEST'))).toEqual([])
    expect(environment.NODE_ENV).toBe('production')
  })
})
