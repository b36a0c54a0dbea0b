import { startRabbit } from '../../test/support/rabbitmq.ts'
import type { Publish, RabbitPeer } from '../support/rabbitmq.ts'
import { startConnectionManager, startOurs, startRabbitmqClient, startRaw } from '../support/rabbitmq.ts'
import type { Contender } from '../support/rounds.ts'
import { interleave } from '../support/rounds.ts'
import { median, medianRatio } from '../support/statistics.ts'
import type { Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

/** Few at a time: the machine's pace drifts, and neighbours in time are compared. */
const PUBLISHED = 5000
const CONSUMED = 20_000
const WINDOWS = [128, 256]
const PREFETCH = 300
const QUEUE = 'bench'
/** Of each round of processor time. */
const TIMED = 100_000
/** A publish through the fallback must take at least this many times the processor time of one through the frames. */
const FRAMES_TARGET = 1.25

/** Messages through RabbitMQ: confirmed one by one with many under way, and consumed. */
export const measure: Measure = {
  title: `messages of 1 KB, quorum queue: confirmed publishes, consume and acknowledge with prefetch ${PREFETCH}`,
  rounds: 64,
  async run({ rounds, progress, defer }) {
    progress('starting RabbitMQ')
    const server = await startRabbit()
    defer(() => server.stop())
    const raw = await startRaw(server, QUEUE)
    await raw.channel.assertQueue(QUEUE, { arguments: { 'x-queue-type': 'quorum' } })
    const ours = new Map<number, RabbitPeer>()
    for (const window of WINDOWS) ours.set(window, await startOurs(server, QUEUE, window))
    const peers = { 'rabbitmq-client': await startRabbitmqClient(server, QUEUE), 'amqp-connection-manager': await startConnectionManager(server, QUEUE) }
    for (const peer of [raw, ...ours.values(), ...Object.values(peers)]) defer(peer.close)

    const ways = { frames: ours.get(256)!, fallback: await startOurs(server, QUEUE, 256, false) }
    defer(ways.fallback.close)

    const publishing: Record<string, Contender> = {}
    const consuming: Record<string, Contender> = {}
    /** Of the client, in µs for each message of each round. The broker takes most of the time, and its pace varies. */
    const cpu: Record<string, number[]> = {}

    function compete(name: string, publish: Publish, window: number): void {
      const times: number[] = cpu[`CPU of the client, window ${window}: ${name}`] = []
      publishing[`publish, window ${window}: ${name}`] = async () => {
        await raw.channel.purgeQueue(QUEUE)
        const before = process.cpuUsage()
        const rate = await perSecond(PUBLISHED, () => lanes(publish, PUBLISHED, window))
        const { user, system } = process.cpuUsage(before)
        times.push((user + system) / PUBLISHED)
        return rate
      }
    }

    for (const window of WINDOWS) {
      const publishers = { 'raw amqplib': raw, 'ours': ours.get(window)!, ...peers }
      for (const [name, { publish, publishBytes }] of Object.entries(publishers)) {
        compete(name, publish, window)
        if (publishBytes) compete(`${name}, ready bytes`, publishBytes, window)
      }
    }
    for (const [name, { consume }] of Object.entries({ 'raw amqplib, 50 an acknowledgement': raw, 'ours': ours.get(256)!, ...peers })) {
      consuming[`consume: ${name}`] = async () => {
        await raw.channel.purgeQueue(QUEUE)
        await lanes(raw.publish, CONSUMED, 1000)
        return perSecond(CONSUMED, () => drain(consume))
      }
    }

    const timing = Object.fromEntries(Object.entries(ways).map(([name, { publish }]) => [name, async () => {
      await raw.channel.purgeQueue(QUEUE)
      return cpuPerPublish(publish)
    }])) as Record<keyof typeof ways, Contender>

    const times = await interleave(timing, Math.max(6, Math.ceil(rounds / 8)), progress)
    const results = {
      ...await interleave(publishing, rounds, progress),
      ...await interleave(consuming, Math.ceil(rounds / 4), progress),
    }
    const ratio = (one: string, other: string) => medianRatio(results[one]!, results[other]!)
    const version = (await server.control('version')).trim()
    return {
      figures: [
        ...Object.entries(results).map(([name, values]) => ({ name, value: median(values), unit: 'messages/s' })),
        ...Object.entries(cpu).map(([name, values]) => ({ name, value: median(values.slice(1)), unit: 'µs/message' })),
        { name: `CPU of ${TIMED} publishes: frames of the module`, value: median(times.frames), unit: 'µs/message' },
        { name: `CPU of ${TIMED} publishes: fallback, publish() of amqplib`, value: median(times.fallback), unit: 'µs/message' },
      ],
      checks: [
        ...WINDOWS.flatMap((window) => {
          const own = `publish, window ${window}: ours`
          return [
            check(`publish, window ${window}: ours / raw amqplib`, ratio(own, `publish, window ${window}: raw amqplib`), 'at least', 0.9),
            ...Object.keys(peers).flatMap(peer => [peer, `${peer}, ready bytes`]).map(peer => check(`publish, window ${window}: ours / ${peer}`, ratio(own, `publish, window ${window}: ${peer}`), 'at least', 1)),
          ]
        }),
        check('CPU of a publish: fallback / frames of the module', medianRatio(times.fallback, times.frames), 'at least', FRAMES_TARGET),
        check('consume: ours / raw amqplib', ratio('consume: ours', 'consume: raw amqplib, 50 an acknowledgement'), 'at least', 0.9),
      ],
      notes: [
        `RabbitMQ ${version} runs on the same cores as its clients. A quorum queue stores every message, also of a client that does not ask for it.`,
        `The last two figures are the processor time of the process that publishes, for ${TIMED} confirmed publishes of a round with a window of 256. The fallback is the same client with \`scale.rabbitmq.frames: false\`. Both run in turn.`,
        'Each client publishes from as many places at once as the window says, and each waits for its confirm. Raw amqplib is given bytes that are ready; the others get an object and make JSON of it, as an app lets them, and two of them once more ready bytes. Ours also gives every message a deadline and finds out when no queue takes it.',
      ],
    }
  },
}

async function perSecond(count: number, work: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint()
  await work()
  return count / (Number(process.hrtime.bigint() - start) / 1e9)
}

/** Processor time of this process in µs for each of {@link TIMED} confirmed publishes. */
async function cpuPerPublish(publish: Publish): Promise<number> {
  const before = process.cpuUsage()
  await lanes(publish, TIMED, 256)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / TIMED
}

async function lanes(publish: Publish, count: number, window: number): Promise<void> {
  let next = 0
  async function lane() {
    while (next < count) await publish(next++)
  }
  await Promise.all(Array.from({ length: window }, lane))
}

async function drain(consume: RabbitPeer['consume']): Promise<void> {
  let left = CONSUMED
  let stop: (() => Promise<unknown>) | undefined
  await new Promise<void>((resolve, reject) => {
    consume(PREFETCH, () => {
      if (--left === 0) resolve()
    }).then(stopped => stop = stopped, reject)
  })
  await stop?.()
}
