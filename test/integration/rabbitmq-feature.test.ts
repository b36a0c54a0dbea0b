import { createAmqpBroker } from '../../src/runtime/server/rabbitmq/amqp/amqp-broker'
import { startRabbit } from '../support/rabbitmq'
import { describeRabbitFeature } from './rabbitmq-behaviour'
import { describeBroker } from './rabbitmq-contract'
import { describeDeadLetters } from './rabbitmq-dead-letters'

async function start() {
  const server = await startRabbit()
  const log = { info: () => {}, warn: () => {} }
  return {
    connect: async () => {
      const broker = createAmqpBroker({ urls: [server.url()], log })
      await broker.connect(10_000)
      return broker
    },
    stop: () => server.stop(),
  }
}
describeBroker('RabbitMQ', start)
describeRabbitFeature('RabbitMQ', start)
describeDeadLetters('RabbitMQ', start)
