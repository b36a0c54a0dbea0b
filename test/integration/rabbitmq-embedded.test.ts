import { createEmbeddedServer } from '../../src/runtime/server/rabbitmq/embedded/server'
import { describeRabbitFeature } from './rabbitmq-behaviour'
import { describeBroker } from './rabbitmq-contract'
import { describeDeadLetters } from './rabbitmq-dead-letters'

async function startEmbedded() {
  const server = createEmbeddedServer({ limits: { messages: 10_000, bytes: 64e6 }, log: { warn: () => {} } })
  return { connect: async () => server.connect(), stop: async () => server.stop() }
}

describeBroker('in this process', startEmbedded)
describeRabbitFeature('in this process', startEmbedded)
describeDeadLetters('in this process', startEmbedded)
