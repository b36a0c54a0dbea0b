import type { Channel } from 'amqplib'
import { beforeEach, expect, it } from 'vitest'
import type { OpenConnection } from '../../src/runtime/server/rabbitmq/amqp/supervised-connection'
import type { Declarer } from '../../src/runtime/server/rabbitmq/amqp/declarer'
import { createDeclarer } from '../../src/runtime/server/rabbitmq/amqp/declarer'
import { ManualClock } from '../support/manual-clock.ts'

let clock: ManualClock
let lines: string[]
let declarer: Declarer

beforeEach(() => {
  clock = new ManualClock()
  lines = []
  declarer = createDeclarer({ info: () => {}, warn: line => void lines.push(line) }, clock)
})

const topology = { exchanges: [], queues: [{ name: 'q', type: 'quorum' as const }, { name: 'r', type: 'quorum' as const }], bindings: [] }
const coded = (code: number, text: string) => Object.assign(new Error(`Operation failed: QueueDeclare; ${code} (X) with message "${text}"`), { code })

/** A connection whose broker answers each declaration of a queue with what `answer` throws. */
function connectionWith(answer: (queue: string) => void) {
  const asked: string[] = []
  const assertQueue = async (queue: string) => {
    asked.push(queue)
    answer(queue)
  }
  const connection = {
    version: { major: 3, minor: 10 },
    fault: undefined as OpenConnection['fault'],
    admin: { run: (operation: (channel: Channel) => Promise<unknown>) => operation({ assertQueue } as unknown as Channel) },
  }
  return { asked, connection: connection as unknown as OpenConnection & { fault: OpenConnection['fault'] } }
}

async function run(work: Promise<void>): Promise<void> {
  let over = false
  const done = work.finally(() => over = true)
  done.catch(() => {})
  while (!over) await clock.advance(1000)
  return done
}

it('tries again what a recovering broker refuses', async () => {
  let left = 3
  const { asked, connection } = connectionWith((queue) => {
    if (queue === 'q' && left-- > 0) throw coded(404, 'NOT_FOUND - home node \'rabbit@b\' of durable queue \'q\' in vhost \'/\' is down or inaccessible')
  })
  await run(declarer.declare(connection, topology))
  expect(asked).toEqual(['q', 'q', 'q', 'q', 'r'])
  expect(lines).toEqual([])
})

it('gives that up after six tries, tells so, and goes on with the others', async () => {
  const { asked, connection } = connectionWith((queue) => {
    if (queue === 'q') throw coded(541, 'INTERNAL_ERROR')
  })
  await run(declarer.declare(connection, topology))
  expect(asked).toEqual([...Array.from({ length: 6 }, () => 'q'), 'r'])
  expect(lines).toEqual(['The queue "q" could not be declared: INTERNAL_ERROR.'])
})

it('tells a difference once, however often it meets it', async () => {
  const { connection } = connectionWith((queue) => {
    if (queue === 'q') throw coded(406, 'PRECONDITION_FAILED - inequivalent arg \'x-delivery-limit\' for queue \'q\' in vhost \'/\': received the value \'20\' of type \'signedint\' but current is none')
  })
  for (let time = 0; time < 3; time++) await run(declarer.declare(connection, topology))
  expect(lines).toEqual(['The queue "q" already exists with other arguments and is used unchanged: its x-delivery-limit is none on RabbitMQ, but \'20\' is configured. '
    + 'Change the configuration to match it, or delete it while it is empty so that it is declared again.'])
})

it('stops when the connection is lost', async () => {
  const { asked, connection } = connectionWith(() => {
    Object.assign(connection, { fault: { text: 'cut' } })
    throw new Error('Channel ended, no reply will be forthcoming')
  })
  await expect(run(declarer.declare(connection, topology))).rejects.toThrow('cut')
  expect(asked).toEqual(['q'])
  expect(lines).toEqual([])
})
