import { createAmqpBroker } from '../../src/runtime/server/rabbitmq/amqp/amqp-broker'
import { startRabbit } from '../support/rabbitmq'
import { describeRabbitFeature } from './rabbitmq-behaviour'
import { describeBroker } from './rabbitmq-contract'
import { describeDeadLetters } from './rabbitmq-dead-letters'

async function start(frames = true) {
  const server = await startRabbit()
  const log = { info: () => {}, warn: () => {} }
  return {
    connect: async () => {
      const broker = createAmqpBroker({ urls: [server.url()], frames, log })
      await broker.connect(10_000)
      return broker
    },
    stop: () => server.stop(),
  }
}
describeBroker('RabbitMQ', start)
describeBroker('RabbitMQ, published by amqplib', () => start(false))
describeRabbitFeature('RabbitMQ', start)
describeDeadLetters('RabbitMQ', start)
