import { onTestFinished } from 'vitest'
import { createAmqpBroker } from '../../src/runtime/server/rabbitmq/amqp/amqp-broker'
import type { AmqpBrokerOptions } from '../../src/runtime/server/rabbitmq/amqp/amqp-broker'
import type { Broker } from '../../src/runtime/server/rabbitmq/broker'
import type { Delivery } from '../../src/runtime/server/rabbitmq/message'
import type { QueueDeclaration, BrokerTopology } from '../../src/runtime/server/rabbitmq/topology'
import type { RabbitServer } from './rabbitmq.ts'
import { waitFor } from './wait.ts'

/** Generous: the machine may be busy. */
export const CONNECT_TIMEOUT = 30_000
export const PUBLISH_TIMEOUT = 60_000

/** A broker under test and what it said. */
export interface TestedBroker {
  broker: Broker
  /** Its warnings and news, in order. */
  lines: string[]
}

/** Creates a broker that is closed when the test ends. */
export function openBroker(urls: string[], options: Partial<AmqpBrokerOptions> = {}): TestedBroker {
  const lines: string[] = []
  const say = (line: string) => void lines.push(line)
  const broker = createAmqpBroker({ urls, maxBackoff: 1000, log: { info: say, warn: say }, ...options })
  onTestFinished(() => broker.close(1000))
  return { broker, lines }
}

/** Creates a broker that is connected to a server. */
export async function connectBroker(server: RabbitServer, options: Partial<AmqpBrokerOptions> = {}): Promise<TestedBroker> {
  const tested = openBroker([server.url()], options)
  await tested.broker.connect(CONNECT_TIMEOUT)
  return tested
}

/** A queue that everything published to an exchange of the same name reaches. */
export function queueTopology(name: string, queue: Partial<QueueDeclaration> = {}): BrokerTopology {
  return {
    exchanges: [{ name, type: 'topic' }],
    queues: [{ name, type: 'quorum', ...queue }],
    bindings: [{ queue: name, exchange: name, routingKey: '#' }],
  }
}

/** Resolves when the broker is in this state. */
export function untilState({ broker }: TestedBroker, state: Broker['state']): Promise<unknown> {
  return waitFor(() => broker.state === state, { timeout: CONNECT_TIMEOUT, message: () => `the broker to be ${state}, which is ${broker.state}` })
}

/** Collects what a consumer is given; `handle` says what becomes of it. */
export function collector(handle: (delivery: Delivery) => void = delivery => delivery.ack()) {
  const deliveries: Delivery[] = []
  return {
    deliveries,
    ids: () => deliveries.map(delivery => delivery.properties.messageId),
    take(delivery: Delivery) {
      deliveries.push(delivery)
      handle(delivery)
    },
    /** Resolves when it has got so many. */
    reach: (count: number) => waitFor(() => deliveries.length >= count, { timeout: 30_000, message: () => `${count} deliveries, of which ${deliveries.length} came` }),
  }
}
