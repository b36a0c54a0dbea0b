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
/** Milliseconds that the first request may take. It waits until the databases contain their example data. */
const FILLING = 120_000
/** Milliseconds after which a killed program starts again. */
const AWAY = 5000

/** Programs that the demo can kill. */
export const victims = ['redis', 'rabbit', 'web'] as const
export type Victim = typeof victims[number]

/** One program of the demo. */
export interface Part {
  name: string
  running: boolean
}

/** A shop on this machine: three instances and a worker behind nginx, with their own Redis, RabbitMQ and PostgreSQL. */
export interface Cluster {
  /** The address of nginx. */
  url: string
  /** The addresses of the instances. The last one is the worker. */
  instances: readonly string[]
  parts: () => Part[]
  /** Kills a program immediately, as in a crash, and starts it again after five seconds. */
  kill: (victim: Victim) => Promise<void>
  /** Stops every program. Safe to call twice. */
  stop: () => Promise<void>
}

/**
 * Builds the playground and starts all programs.
 *
 * @param onStep called before each step, with its description
 * @param signal cancels the start
 * @throws Error with the last log lines of a program that does not start
 */
export async function startCluster(onStep: (step: string) => void, signal: AbortSignal): Promise<Cluster> {
  const started: (() => Promise<unknown>)[] = []
  let stopping: Promise<void> | undefined
  const stop = () => stopping ??= (async () => {
    for (const end of started.reverse()) await end()
  })()
  /** Starts a program, and remembers the order in which the programs must be stopped. */
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
    const env = {
      REDIS_URL: redis.url,
      DATABASE_URL: postgres.url(),
      RABBITMQ_URL: rabbit.url(),
      NUXT_SCALE_SECRET: 'the secret of the demo',
      NUXT_SHOP_DELAY: '20',
    }
    const ports = await Promise.all([1, 2, 3].map(() => freePort()))
    const web: NuxtInstance[] = []
    const startWeb = (port: number) => startNuxt(output, { port, env: { ...env, NUXT_SCALE_ROLE: 'web' } })
    for (const [index, port] of ports.entries()) {
      // The first instance fills the databases.
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

/** Renders the nginx configuration with the command that users run, `npx nuxt-scale nginx`, for these ports. */
async function renderNginx(port: number, ports: readonly number[]): Promise<string> {
  const { stdout } = await run(process.execPath, [`${repository}/dist/cli.mjs`, 'nginx', '--cwd', playground], {
    env: productionEnvironment({ SHOP_PORT: String(port), SHOP_INSTANCES: ports.join(',') }),
  })
  return stdout
}
