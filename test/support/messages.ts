import type { OutgoingMessage } from '../../src/runtime/server/rabbitmq/message'

/** A message to publish; what a test does not say is the same in all. */
export function messageOf(messageId: string, { exchange = 'events', routingKey = 'order.created', content = Buffer.from('{}'), mandatory = true }: Partial<Omit<OutgoingMessage, 'properties'>> = {}): OutgoingMessage {
  return { exchange, routingKey, content, mandatory, properties: { messageId, timestamp: 1_700_000_000, contentType: 'application/json', headers: {} } }
}

/** The code of the error that a publish ended with, or `stored`. */
export async function outcomeOf(publish: Promise<void>): Promise<string> {
  return publish.then(() => 'stored', (error: { code?: string }) => error.code ?? String(error))
}

/** How many there are of each. */
export function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}
