import { setTimeout as sleep } from 'node:timers/promises'
import { createAmqpBroker } from '../../src/runtime/server/rabbitmq/amqp/amqp-broker'
import { messageOf, outcomeOf, tally } from './messages'
import type { FloodOptions, FloodResult } from './publish-flood'

/** Bytes that stay in use after garbage collection, which gives the memory of buffers back on another thread some while later. */
async function inUse(): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 10; round++) {
    globalThis.gc?.()
    await sleep(20)
    const { heapUsed, external } = process.memoryUsage()
    least = Math.min(least, heapUsed + external)
  }
  return least
}

/** The other side of `floodBlockedBroker`. */
process.once('message', async ({ url, queue, count, bytes, buffer, closeTimeout }: FloodOptions) => {
  const silent = { info: () => {}, warn: () => {} }
  const broker = createAmqpBroker({ urls: [url], buffer, log: silent })
  const blocked = new Promise<void>(resolve => broker.onState(state => state === 'blocked' && resolve()))
  await broker.connect(30_000)
  // Only a connection that publishes is told that it is blocked.
  void outcomeOf(broker.publish(messageOf('first', { exchange: '', routingKey: queue }), 600_000))
  await blocked
  const usedBefore = await inUse()
  const before = process.memoryUsage().rss
  let peak = before
  const watch = setInterval(() => peak = Math.max(peak, process.memoryUsage().rss), 5)

  const outcomes: Promise<string>[] = []
  let settled = 0
  for (let index = 0; index < count; index++) {
    const outcome = outcomeOf(broker.publish(messageOf(String(index), { exchange: '', routingKey: queue, content: Buffer.alloc(bytes, 'x') }), 600_000))
    void outcome.then(() => settled++)
    outcomes.push(outcome)
    // As in a server: what is published comes in many turns, and garbage can be collected.
    if (index % 100 === 99) await new Promise(resolve => setImmediate(resolve))
  }
  const failedFast = settled
  peak = Math.max(peak, process.memoryUsage().rss)
  clearInterval(watch)
  const retained = await inUse() - usedBefore
  const start = performance.now()
  await broker.close(closeTimeout)
  const result: FloodResult = { growth: peak - before, retained, failedFast, closedAfter: performance.now() - start, outcomes: tally(await Promise.all(outcomes)) }
  process.send!(result)
})
