import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAmqpBroker } from '../../src/runtime/server/rabbitmq/amqp/amqp-broker'
import type { RabbitFeature } from '../../src/runtime/server/rabbitmq/rabbit-feature'
import { createRabbitFeature } from '../../src/runtime/server/rabbitmq/rabbit-feature'
import { rabbitmqSettings } from '../../src/runtime/server/rabbitmq/settings'
import type { CliApp } from '../support/cli'
import { createCliApp } from '../support/cli'
import type { RabbitServer } from '../support/rabbitmq'
import { startRabbit } from '../support/rabbitmq'
import { createTemporaryDirectory } from '../support/temporary-directory'
import { createServerCertificates } from '../support/tls'
import { waitFor } from '../support/wait'

const log = { info: () => {}, warn: () => {} }
let server: RabbitServer
let feature: RabbitFeature
let app: CliApp
let bare: CliApp
let env: NodeJS.ProcessEnv
/** The same over TLS, under an authority of its own. */
let secure: NodeJS.ProcessEnv
const directory = createTemporaryDirectory('tls')
let broken = true
const handled: unknown[] = []

beforeAll(async () => {
  const certificates = await createServerCertificates(directory.path)
  server = await startRabbit({ tls: certificates })
  env = { RABBITMQ_URL: server.url() }
  secure = { RABBITMQ_URL: server.secureUrl(), NUXT_SCALE_RABBITMQ_TLS_CA: certificates.ca }
  app = createCliApp('{ rabbitmq: {} }', { '.output/nuxt-scale-queues.json': JSON.stringify({ queues: [{ source: 'server/consumers/mail.ts', queue: 'mail' }, { source: 'server/consumers/any.ts', queue: null }] }) })
  bare = createCliApp('{}')
  const broker = createAmqpBroker({ urls: [server.url()], log })
  await broker.connect(10_000)
  feature = createRabbitFeature({ broker: Promise.resolve(broker), settings: rabbitmqSettings.resolveGiven({ retry: { delays: [] } }, {}), role: 'all', log, currentTenant: () => '', runAsTenant: (_, task) => task() })
  await feature.subscribe('orders', 'mail', 'order.*', (message, { attempt }) => {
    if (broken) throw new Error('The mail server is away.')
    handled.push([message, attempt])
  })
  for (const number of [1, 2, 3]) await feature.publish('orders', 'order.created', { number }, { messageId: `m${number}` })
  await waitFor(async () => await server.count('mail.dlq') === 3)
})

afterAll(async () => {
  app?.remove()
  bare?.remove()
  await feature?.close()
  await server?.stop()
  directory.remove()
})

const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await app.run(['dlq', ...args, '--json'], secure)
  expect(`${stdout}${stderr}`).not.toContain(server.password)
  return { code, document: JSON.parse(stdout) as unknown, stderr }
}

describe('dlq', () => {
  it('lists what the build lists, and names what it could not know', async () => {
    const { code, document, stderr } = await json('list')
    expect([code, document]).toEqual([0, { queues: [{ queue: 'mail', waiting: 0, dead: 3 }] }])
    expect(stderr).toContain('server/consumers/any.ts')
    expect((await app.run(['dlq', 'list', '--queue', 'mail,none'], env)).stdout).toMatch(/^mail\s+0\s+3\nnone\s+missing\s+missing$/m)
  })

  it('shows dead letters, which stay', async () => {
    const { document } = await json('show', '--queue', 'mail', '--limit', '2')
    expect(document).toMatchObject({ letters: [{ queue: 'mail', reason: 'exhausted', error: 'The mail server is away.', attempt: 1 }, {}] })
    expect((await app.run(['dlq', 'show'], env)).stdout).toContain('exhausted at attempt 1')
    await waitFor(async () => await server.count('mail.dlq') === 3)
  })

  it('replays to the queue, from the first attempt', async () => {
    broken = false
    expect(await json('replay', '--queue', 'mail', '--limit', '2')).toMatchObject({ code: 0, document: { outcomes: [{ queue: 'mail', replayed: 2, left: 1 }] } })
    await waitFor(() => handled.length === 2)
    expect(handled.map(entry => (entry as [unknown, number])[1])).toEqual([1, 1])
    expect(await server.count('mail.dlq')).toBe(1)
  })

  it('purges only on --yes', async () => {
    const asked = await app.run(['dlq', 'purge', '--queue', 'mail'], env)
    expect([asked.code, asked.stderr.trim().split('\n').at(-1)]).toEqual([1, 'This would permanently delete 1 dead letter of mail: write --yes to confirm.'])
    expect(await server.count('mail.dlq')).toBe(1)
    expect(await json('purge', '--queue', 'mail', '--yes')).toMatchObject({ code: 0, document: { purged: [{ queue: 'mail', deleted: 1 }] } })
    expect(await server.count('mail.dlq')).toBe(0)
  })

  it.each<[string[], string, boolean]>([
    [['list'], 'No list of queues in', false],
    [['replay'], 'Select the queues: write either --queue with their names, or --all.', true],
    [['purge', '--yes'], '--queue is missing: write --queue with the names of the queues.', true],
    [['show', '--queue', 'none'], 'The queue none.dlq does not exist', true],
    [['show', '--queue', 'mail', '--limit', 'all'], '--limit is "all": write a whole number of at least 1.', true],
    [['list', '--queues', 'mail'], '--queues is not a flag of this command', true],
  ])('%j says in one sentence what is wrong', async (args, sentence, built) => {
    const { code, stderr } = await (built ? app : bare).run(['dlq', ...args], env)
    expect([code, stderr.trim().split('\n').at(-1)]).toEqual([1, expect.stringContaining(sentence)])
  })

  it('says where it looks for RabbitMQ when there is none', async () => {
    const { code, stderr } = await app.run(['dlq', 'list'])
    expect([code, stderr.trim().split('\n').at(-1)]).toEqual([1, expect.stringMatching(/^No RabbitMQ is configured, .*: set NUXT_SCALE_RABBITMQ_URL/)])
    expect((await app.run(['dlq', '--help'])).stdout).toContain('nuxt-scale dlq replay --queue email.order-notifications')
  })
})
