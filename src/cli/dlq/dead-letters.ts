import type { Broker } from '../../runtime/server/rabbitmq/broker'
import { HEADERS, textHeader, withoutHeaders } from '../../runtime/server/rabbitmq/headers'
import type { Delivery, OutgoingMessage } from '../../runtime/server/rabbitmq/message'
import { deadLetterQueue } from '../../runtime/server/rabbitmq/topology'
import { CliFailure } from '../support/exit'

/** How many messages a queue has. */
export interface QueueCounts {
  queue: string
  /** `null` when the queue is not there. */
  waiting: number | null
  dead: number | null
}

/** One dead letter, as far as people want to see it. */
export interface DeadLetter {
  messageId: string
  type: string | undefined
  exchange: string
  routingKey: string
  /** `exhausted`, `rejected`, `invalid`, or what RabbitMQ says, such as `delivery_limit`. */
  reason: string
  attempt: number
  error: string | undefined
  failedAt: string | undefined
  tenant: string | undefined
  /** The message itself, or its beginning. */
  content: string
}

/** What became of a replay. */
export interface ReplayOutcome {
  queue: string
  replayed: number
  /** Dead letters that are still there. */
  left: number
  /** Why it ended early. */
  error?: string
}

const MOST_CHARACTERS = 2000
/** ms for the confirm of one message. */
const PUBLISH_TIMEOUT = 10_000

export async function countQueues(broker: Broker, queues: readonly string[]): Promise<QueueCounts[]> {
  const counts: QueueCounts[] = []
  for (const queue of queues) counts.push({ queue, waiting: await broker.count(queue) ?? null, dead: await broker.count(deadLetterQueue(queue)) ?? null })
  return counts
}

/** @throws CliFailure when the queue is not there */
export async function countDead(broker: Broker, queue: string): Promise<number> {
  const count = await broker.count(deadLetterQueue(queue))
  if (count === undefined) throw new CliFailure(`There is no queue ${deadLetterQueue(queue)}: start the app once, which declares it, or look at the name.`)
  return count
}

/** The first dead letters. They go back to their places. */
export async function showDead(broker: Broker, queue: string, limit: number): Promise<DeadLetter[]> {
  const held: Delivery[] = []
  try {
    for (let left = Math.min(limit, await countDead(broker, queue)); left > 0; left--) {
      const delivery = await broker.get(deadLetterQueue(queue))
      if (!delivery) break
      held.push(delivery)
    }
    return held.map(describeLetter)
  }
  finally {
    for (const delivery of held) delivery.release()
  }
}

/**
 * Sends dead letters back to their queue, where they are tried anew from the first attempt. Each leaves its place only after the broker has confirmed its copy.
 * Those that fail again meanwhile are left for another time.
 */
export async function replayDead(broker: Broker, queue: string, { limit, signal, onProgress }: { limit: number, signal: AbortSignal, onProgress: (done: number, total: number) => void }): Promise<ReplayOutcome> {
  const found = await countDead(broker, queue)
  const total = Math.min(limit, found)
  let replayed = 0
  let error: string | undefined
  while (replayed < total && error === undefined) {
    if (signal.aborted) {
      error = 'it was interrupted'
      break
    }
    const delivery = await broker.get(deadLetterQueue(queue))
    if (!delivery) break
    try {
      await broker.publish(copyFor(queue, delivery), PUBLISH_TIMEOUT)
      delivery.ack()
      onProgress(++replayed, total)
    }
    catch (failure) {
      delivery.release()
      error = failure instanceof Error ? failure.message : String(failure)
    }
  }
  return { queue, replayed, left: found - replayed, ...error !== undefined && { error } }
}

/** To its own queue alone, by the default exchange. Where it was published first stays in its headers. */
function copyFor(queue: string, { content, properties }: Delivery): OutgoingMessage {
  const headers = withoutHeaders(properties.headers, HEADERS.attempt, HEADERS.error, HEADERS.reason, HEADERS.queue, HEADERS.failedAt)
  return { exchange: '', routingKey: queue, content, properties: { ...properties, headers }, mandatory: true }
}

function describeLetter({ exchange, routingKey, content, properties }: Delivery): DeadLetter {
  const { headers, messageId, type } = properties
  const text = content.toString('utf8')
  return {
    messageId,
    type,
    exchange: textHeader(headers, HEADERS.exchange) ?? textHeader(headers, 'x-first-death-exchange') ?? exchange,
    routingKey: textHeader(headers, HEADERS.routingKey) ?? routingKey,
    reason: textHeader(headers, HEADERS.reason) ?? textHeader(headers, 'x-first-death-reason') ?? 'unknown',
    attempt: Number(headers[HEADERS.attempt] ?? 1),
    error: textHeader(headers, HEADERS.error),
    failedAt: textHeader(headers, HEADERS.failedAt),
    tenant: textHeader(headers, HEADERS.tenant),
    content: text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text,
  }
}
