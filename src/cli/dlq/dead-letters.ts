import type { Broker } from '../../runtime/server/rabbitmq/broker'
import { HEADERS, textHeader, withoutHeaders } from '../../runtime/server/rabbitmq/headers'
import type { Delivery, OutgoingMessage } from '../../runtime/server/rabbitmq/message'
import { deadLetterQueue } from '../../runtime/server/rabbitmq/topology'
import { CliFailure } from '../support/command'

/** Number of messages in a queue and in its dead-letter queue. */
export interface QueueCounts {
  queue: string
  /** `null` if the queue does not exist. */
  waiting: number | null
  dead: number | null
}

/** One dead letter, with the fields that `dlq show` prints. */
export interface DeadLetter {
  messageId: string
  type: string | undefined
  exchange: string
  routingKey: string
  /** `exhausted`, `rejected`, `invalid`, or a reason of RabbitMQ, such as `delivery_limit`. */
  reason: string
  attempt: number
  error: string | undefined
  failedAt: string | undefined
  tenant: string | undefined
  /** The content of the message, cut after 2000 characters. */
  content: string
}

/** Result of a replay. */
export interface ReplayOutcome {
  queue: string
  replayed: number
  /** Dead letters that are still in the dead-letter queue. */
  left: number
  /** Why the replay stopped early. */
  error?: string
}

const MOST_CHARACTERS = 2000
/** Milliseconds to wait for the confirm of one message. */
const PUBLISH_TIMEOUT = 10_000

export async function countQueues(broker: Broker, queues: readonly string[]): Promise<QueueCounts[]> {
  const counts: QueueCounts[] = []
  for (const queue of queues) counts.push({
    queue,
    waiting: await broker.count(queue) ?? null,
    dead: await broker.count(deadLetterQueue(queue)) ?? null,
  })
  return counts
}

/** @throws CliFailure if the dead-letter queue does not exist */
export async function countDead(broker: Broker, queue: string): Promise<number> {
  const count = await broker.count(deadLetterQueue(queue))
  if (count === undefined) {
    throw new CliFailure(`The queue ${deadLetterQueue(queue)} does not exist: start the app once, which declares it, or check the name.`)
  }
  return count
}

/** Reads the first dead letters, and returns them to their places in the queue. */
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
 * Sends dead letters back to their queue, where their attempts start from 1 again. A dead letter is removed only after the broker has
 * confirmed its copy. Messages that fail again during the replay are not replayed a second time.
 */
export async function replayDead(
  broker: Broker,
  queue: string,
  { limit, signal, onProgress }: { limit: number, signal: AbortSignal, onProgress: (done: number, total: number) => void },
): Promise<ReplayOutcome> {
  const found = await countDead(broker, queue)
  const total = Math.min(limit, found)
  let replayed = 0
  let error: string | undefined
  while (replayed < total && error === undefined) {
    if (signal.aborted) {
      error = 'interrupted'
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

/** Addresses the copy to its own queue only, through the default exchange. The headers keep the original exchange and routing key. */
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
