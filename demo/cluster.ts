import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { productionEnvironment } from '../test/support/environment.ts'
import { startNginxWith } from '../test/support/nginx.ts'
import type { NuxtInstance } from '../test/support/nuxt.ts'
import { buildFixture, startNuxt } from '../test/support/nuxt.ts'
import { freePort } from '../test/support/ports.ts'
import { startPostgres } from '../test/support/postgres.ts'
import { generatePrisma } from '../test/support/prisma.ts'
import { startRabbit } from '../test/support/rabbitmq.ts'
import { startRedis } from '../test/support/redis.ts'

const run = promisify(execFile)
const repository = fileURLToPath(new URL('..', import.meta.url))
const playground = fileURLToPath(new URL('../playground', import.meta.url))
/** Milliseconds that the first request may take, which waits until the databases are filled. */
const FILLING = 120_000
/** Milliseconds that what was killed stays away. */
const AWAY = 5000

/** What can be killed. */
export const victims = ['redis', 'rabbit', 'web'] as const
export type Victim = typeof victims[number]

/** One program of the demo. */
export interface Part {
  name: string
  running: boolean
}

/** A shop on this machine: three instances and a worker behind nginx, with Redis, RabbitMQ and PostgreSQL of their own. */
export interface Cluster {
  /** The address of nginx. */
  url: string
  /** The addresses of the instances, the worker last. */
  instances: readonly string[]
  parts: () => Part[]
  /** Kills a program at once, as a crash does, and starts it again after five seconds. */
  kill: (victim: Victim) => Promise<void>
  /** Ends every program. Safe to call twice. */
  stop: () => Promise<void>
}

/**
 * Builds and starts everything.
 *
 * @param onStep told what is done next
 * @param signal stops halfway
 * @throws Error with the last lines of a program that does not start
 */
export async function startCluster(onStep: (step: string) => void, signal: AbortSignal): Promise<Cluster> {
  const started: (() => Promise<unknown>)[] = []
  let stopping: Promise<void> | undefined
  const stop = () => stopping ??= (async () => {
    for (const end of started.reverse()) await end()
  })()
  /** Keeps the order in which things have to be ended. */
  async function start<Started>(step: string, work: () => Promise<Started>, end: (started: Started) => Promise<unknown>): Promise<Started> {
    signal.throwIfAborted()
    onStep(step)
    const done = await work()
    started.push(() => end(done))
    return done
  }

  try {
    onStep('building the playground')
    await generatePrisma(playground)
    const output = await buildFixture(playground)
    const [redis, postgres, rabbit] = await Promise.all([
      start('starting Redis, PostgreSQL and RabbitMQ', () => startRedis(), server => server.stop()),
      start('starting Redis, PostgreSQL and RabbitMQ', () => startPostgres({ maxConnections: 200 }), server => server.stop()),
      start('starting Redis, PostgreSQL and RabbitMQ', startRabbit, server => server.stop()),
    ])
    const env = { REDIS_URL: redis.url, DATABASE_URL: postgres.url(), RABBITMQ_URL: rabbit.url(), NUXT_SCALE_SECRET: 'nobody knows this text', NUXT_SHOP_DELAY: '20' }
    const ports = await Promise.all([1, 2, 3].map(() => freePort()))
    const web: NuxtInstance[] = []
    const startWeb = (port: number) => startNuxt(output, { port, env: { ...env, NUXT_SCALE_ROLE: 'web' } })
    for (const [index, port] of ports.entries()) {
      // The first fills the databases.
      web.push(await start(`starting instance ${index + 1} of 3`, async () => {
        const instance = await startWeb(port)
        const { ok, status } = await instance.fetch('/api/products', { signal: AbortSignal.any([signal, AbortSignal.timeout(FILLING)]) })
        if (!ok) throw new Error(`Instance ${index + 1} answers ${status}:\n${instance.logs().slice(-20).join('\n')}`)
        return instance
      }, async () => await web[index]!.stop()))
    }
    const worker = await start('starting the worker', () => startNuxt(output, { env: { ...env, NUXT_SCALE_ROLE: 'worker' } }), instance => instance.stop())
    const port = await freePort()
    const configuration = await renderNginx(port, ports)
    const nginx = await start('starting nginx', () => startNginxWith(port, () => configuration, 2), server => server.stop())

    async function bringBack(work: () => Promise<unknown>): Promise<void> {
      await new Promise(resolve => setTimeout(resolve, AWAY))
      if (!stopping) await work()
    }
    let next = 0
    const kill: Record<Victim, () => Promise<void>> = {
      redis: async () => {
        await redis.kill()
        await bringBack(() => redis.restart())
      },
      rabbit: async () => {
        await rabbit.kill()
        await bringBack(() => rabbit.restart())
      },
      web: async () => {
        const index = next++ % web.length
        await web[index]!.kill()
        await bringBack(async () => web[index] = await startWeb(ports[index]!))
      },
    }
    return {
      url: `http://127.0.0.1:${nginx.port}`,
      instances: [...ports.map(port => `http://127.0.0.1:${port}`), worker.url],
      parts: () => [
        { name: 'nginx', running: true },
        ...web.map((instance, index) => ({ name: `web ${index + 1}`, running: instance.running })),
        { name: 'worker', running: worker.running },
        { name: 'Redis', running: redis.running },
        { name: 'RabbitMQ', running: rabbit.running },
        { name: 'PostgreSQL', running: postgres.running },
      ],
      kill: victim => kill[victim](),
      stop,
    }
  }
  catch (error) {
    await stop()
    throw error
  }
}

/** The file that users get: `npx nuxt-scale nginx`, for these ports. */
async function renderNginx(port: number, ports: readonly number[]): Promise<string> {
  const { stdout } = await run(process.execPath, [`${repository}/dist/cli.mjs`, 'nginx', '--cwd', playground], {
    env: productionEnvironment({ SHOP_PORT: String(port), SHOP_INSTANCES: ports.join(',') }),
  })
  return stdout
}
