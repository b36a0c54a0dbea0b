import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { productionEnvironment } from '../support/environment'
import { buildFixture, startNuxt } from '../support/nuxt'
import type { NuxtInstance } from '../support/nuxt'
import { startRabbit } from '../support/rabbitmq'
import type { RabbitServer } from '../support/rabbitmq'
import { waitFor } from '../support/wait'

const HEALTH = '/internal/health'

let output: string
let rabbit: RabbitServer
const instances: NuxtInstance[] = []

beforeAll(async () => {
  [output, rabbit] = await Promise.all([buildFixture('test/fixtures/operations'), startRabbit()])
})

afterAll(async () => {
  await Promise.all(instances.map(instance => instance.kill()))
  await rabbit?.stop()
})

async function start(env: NodeJS.ProcessEnv = {}): Promise<NuxtInstance> {
  const instance = await startNuxt(output, { env: { NUXT_SCALE_SHUTDOWN_DRAIN_DELAY: '500ms', ...env } })
  instances.push(instance)
  return instance
}

const signal = (app: NuxtInstance, name: NodeJS.Signals = 'SIGTERM') => process.kill(app.pid, name)

/** A connection as a balancer keeps it, with what came over it. */
async function openConnection(port: number): Promise<{ socket: Socket, received: () => string, closed: Promise<unknown> }> {
  let text = ''
  const socket = connect(port, '127.0.0.1')
  socket.on('data', (chunk) => {
    text += String(chunk)
  })
  const closed = new Promise(resolve => socket.once('close', resolve))
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return { socket, received: () => text, closed }
}

/** A WebSocket that has been answered once; resolves with the code of its end. */
async function openSocket(app: NuxtInstance): Promise<{ ended: Promise<{ code: number, clean: boolean }> }> {
  const socket = new WebSocket(`ws://127.0.0.1:${app.port}/socket`)
  const ended = new Promise<{ code: number, clean: boolean }>(resolve => socket.addEventListener('close', ({ code, wasClean }) => resolve({ code, clean: wasClean })))
  await new Promise((resolve, reject) => {
    socket.addEventListener('error', reject)
    socket.addEventListener('message', resolve)
    socket.addEventListener('open', () => socket.send('hello'))
  })
  return { ended }
}

describe('an instance that is told to end', () => {
  it('finishes a slow request, closes its WebSocket with 1001, ends its event stream and its idle connections, and exits with 0', async () => {
    const app = await start()
    const idle = await openConnection(app.port)
    idle.socket.write(`GET ${HEALTH}/live HTTP/1.1\r\nhost: app\r\n\r\n`)
    await waitFor(() => idle.received().includes('"ok"'))
    const webSocket = await openSocket(app)
    const events = await app.fetch('/api/events')
    const slow = app.fetch('/api/slow?ms=1500')
    await app.logged('slow began')

    signal(app)
    await waitFor(async () => (await app.fetch(`${HEALTH}/ready`)).status === 503)
    // It serves on, and says on each connection that it is the last time.
    const served = await app.fetch('/api/body?size=1000')
    expect([served.status, served.headers.get('connection'), (await served.text()).length]).toEqual([200, 'close', 1000])
    const live = await app.fetch(`${HEALTH}/live`)
    expect([live.status, live.headers.get('connection')]).toEqual([200, 'close'])
    expect((await app.fetch(HEALTH)).status).toBe(503)

    expect(await webSocket.ended).toEqual({ code: 1001, clean: true })
    // It ends as a whole answer does, not as one that broke off.
    expect(await events.text()).toMatch(/^(?:data: tick\n\n)+$/)
    await expect(app.fetch(`${HEALTH}/live`)).rejects.toThrow()
    await idle.closed
    const answer = await slow
    expect([answer.status, answer.headers.get('connection'), await answer.json()]).toEqual([200, 'close', { slow: true }])
    expect(await app.exited).toEqual({ code: 0, signal: null })
    expect(app.logs()).toEqual(expect.arrayContaining(['events closed', 'socket closed with 1001', 'app closed']))
    expect(app.logs().join('\n')).not.toMatch(/error|unhandled/i)
  })

  it('still answers on a connection whose response had begun before the signal', async () => {
    const app = await start({ NUXT_SCALE_SHUTDOWN_DRAIN_DELAY: '2s' })
    const kept = await openConnection(app.port)
    const headers = () => kept.received().match(/HTTP\/1\.1 200|connection: [\w-]+/gi)
    kept.socket.write('GET /api/body?size=2000&pause=700 HTTP/1.1\r\nhost: app\r\n\r\n')
    await waitFor(() => kept.received().includes('xxx'))
    signal(app)
    await waitFor(async () => (await app.fetch(`${HEALTH}/ready`)).status === 503)
    expect(kept.received()).not.toContain('\r\n0\r\n')
    // A client reuses the connection at once, because the first response did not say that the connection closes.
    kept.socket.on('data', () => {
      if (kept.received().endsWith('\r\n0\r\n\r\n') && headers()!.length === 2) kept.socket.write(`GET ${HEALTH}/live HTTP/1.1\r\nhost: app\r\n\r\n`)
    })
    await kept.closed
    expect(headers()).toEqual(['HTTP/1.1 200', 'Connection: keep-alive', 'HTTP/1.1 200', 'connection: close'])
    expect(await app.exited).toEqual({ code: 0, signal: null })
  })

  it('answers the request of a connection that was made before it stopped listening', async () => {
    const app = await start({ NUXT_SCALE_SHUTDOWN_DRAIN_DELAY: '0' })
    const fresh = await Promise.all(Array.from({ length: 20 }, () => openConnection(app.port)))
    // The server knows a connection when it has accepted it, and they are accepted one after the other.
    const last = await openConnection(app.port)
    last.socket.write(`GET ${HEALTH}/live HTTP/1.1\r\nhost: app\r\n\r\n`)
    await waitFor(() => last.received().includes('"ok"'))
    signal(app)
    await waitFor(() => app.fetch(`${HEALTH}/live`).then(() => false, () => true))
    for (const { socket } of fresh) socket.write('POST /api/orders HTTP/1.1\r\nhost: app\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{"id":7}')
    await Promise.all(fresh.map(({ closed }) => closed))
    expect(fresh.filter(({ received }) => received().includes('"stored"'))).toHaveLength(20)
    expect(await app.exited).toEqual({ code: 0, signal: null })
    expect(app.logs().join('\n')).not.toMatch(/error|unhandled/i)
  })

  it('cuts off what takes longer than the timeout, and exits all the same', async () => {
    const app = await start({ NUXT_SCALE_SHUTDOWN_DRAIN_DELAY: '0', NUXT_SCALE_SHUTDOWN_TIMEOUT: '300ms' })
    const slow = app.fetch('/api/slow?ms=9000').then(() => 'answered', () => 'cut off')
    await app.logged('slow began')
    signal(app, 'SIGINT')
    expect(await slow).toBe('cut off')
    expect(await app.exited).toEqual({ code: 0, signal: null })
    await app.logged('1 requests took longer than scale.shutdown.timeout (300 ms) and were aborted.')
  })

  it.each([['SIGTERM', 143], ['SIGINT', 130]] as const)('ends at once at a second signal, %s', async (name, code) => {
    const app = await start({ NUXT_SCALE_SHUTDOWN_DRAIN_DELAY: '20s' })
    signal(app)
    await waitFor(async () => (await app.fetch(`${HEALTH}/ready`)).status === 503)
    await sleep(150)
    signal(app, name)
    expect(await app.exited).toEqual({ code, signal: null })
  })

  it('lets a consumer finish while all that it uses is there, before the app\'s own things end', async () => {
    const app = await start({ NUXT_SCALE_SHUTDOWN_DRAIN_DELAY: '0' })
    await app.fetch('/api/jobs', { method: 'POST' })
    await app.logged('job began')
    signal(app)
    expect(await app.exited).toEqual({ code: 0, signal: null })
    expect(app.logs().filter(line => /^(?:job|app) /.test(line))).toEqual(['job began', 'job done', 'app closed'])
  })

  it('as a worker waits for no balancer, finishes what it has begun, and loses none of the rest', async () => {
    const env = { RABBITMQ_URL: rabbit.url(), NUXT_SCALE_RABBITMQ_CONCURRENCY: '1', NUXT_SCALE_SHUTDOWN_DRAIN_DELAY: '20s' }
    const [web, worker] = await Promise.all([start({ ...env, NUXT_SCALE_ROLE: 'web' }), start({ ...env, NUXT_SCALE_ROLE: 'worker' })])
    await waitFor(async () => (await worker.fetch(`${HEALTH}/ready`)).status === 200)
    for (let index = 0; index < 3; index++) expect((await web.fetch('/api/jobs', { method: 'POST' })).status).toBe(200)
    await worker.logged('job began')
    const told = performance.now()
    signal(worker)
    expect(await worker.exited).toEqual({ code: 0, signal: null })
    expect(performance.now() - told).toBeLessThan(15_000)
    const count = (line: string) => worker.logs().filter(logged => logged === line).length
    expect(count('job done')).toBe(count('job began'))
    await waitFor(async () => await rabbit.count('jobs') === 3 - count('job done'))
    await web.kill()
  })

  it('with NITRO_SHUTDOWN_SIGNALS listens to those, and with NITRO_SHUTDOWN_DISABLED to none', async () => {
    const other = await start({ NITRO_SHUTDOWN_SIGNALS: 'SIGUSR2' })
    signal(other, 'SIGUSR2')
    await waitFor(async () => (await other.fetch(`${HEALTH}/ready`)).status === 503)
    expect(await other.exited).toEqual({ code: 0, signal: null })
    const none = await start({ NITRO_SHUTDOWN_DISABLED: '1' })
    signal(none)
    expect(await none.exited).toEqual({ code: null, signal: 'SIGTERM' })
  })
})

describe('an instance', () => {
  it('lets connections rest longer than a balancer does', async () => {
    const app = await start()
    const keepAlive = async () => (await app.fetch(`${HEALTH}/live`)).headers.get('keep-alive')
    await keepAlive()
    expect(await keepAlive()).toBe('timeout=65')
    const other = await start({ NUXT_SCALE_SHUTDOWN_KEEP_ALIVE_TIMEOUT: '1s' })
    const idle = await openConnection(other.port)
    for (let answers = 1; answers <= 2; answers++) {
      idle.socket.write(`GET ${HEALTH}/live HTTP/1.1\r\nhost: app\r\n\r\n`)
      await waitFor(() => idle.received().split('"ok"').length === answers + 1)
    }
    await idle.closed
  })

  it('says at boot when all that may take its time does not fit into the grace period', async () => {
    const app = await start({ NUXT_SCALE_SHUTDOWN_GRACE_PERIOD: '20s' })
    await app.logged('The shutdown may take 25.5 s (drainDelay 0.5 s, timeout 8 s, scale.rabbitmq.drainTimeout 15 s, and 2 s for the rest), but the process is killed after 20 s')
    expect((await start()).logs().join('\n')).not.toContain('gracePeriod')
  })
})

describe('a build', () => {
  it('for node-cluster is refused', async () => {
    const build = buildFixture('test/fixtures/operations', { env: { NITRO_PRESET: 'node-cluster' }, buildDir: '.nuxt/cluster', outputDir: '.output/cluster' })
    await expect(build).rejects.toThrow('scale.shutdown cannot drain under the preset node-cluster')
    expect(productionEnvironment().NITRO_PRESET).toBeUndefined()
  })
})
