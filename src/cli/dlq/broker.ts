import type { Broker } from '../../runtime/server/rabbitmq/broker'
import { openBroker } from '../../runtime/server/rabbitmq/open-broker'
import { rabbitmqSettings } from '../../runtime/server/rabbitmq/settings'
import { loadApp } from '../support/app'
import { CliFailure } from '../support/command'
import { runTimeOptions } from '../support/run-time-options'
import type { Terminal } from '../support/terminal'

/** Milliseconds to connect to RabbitMQ, and to close the connection. */
const CONNECT_TIMEOUT = 10_000
const CLOSE_TIMEOUT = 5000

/**
 * Runs a task with a connection to the RabbitMQ of the app.
 *
 * @throws CliFailure if the app has no RabbitMQ, or RabbitMQ does not answer
 */
export async function withBroker<T>(cwd: string, terminal: Terminal, task: (broker: Broker) => Promise<T>): Promise<T> {
  const { options, env } = await loadApp(cwd)
  const { rabbitmq } = runTimeOptions({ ...options, rabbitmq: options.rabbitmq || {} }, env)
  const settings = rabbitmqSettings.resolveGiven(rabbitmq || {}, env)
  if (settings.urls.length === 0) {
    throw new CliFailure('No RabbitMQ is configured, so messages exist only in the process of the app: '
      + 'set NUXT_SCALE_RABBITMQ_URL (or RABBITMQ_URL), or add it to .env.')
  }
  const broker = await openBroker(settings, { info: () => {}, warn: message => terminal.log.warn(message) })
  try {
    await broker.connect(CONNECT_TIMEOUT)
    return await task(broker)
  }
  finally {
    await broker.close(CLOSE_TIMEOUT)
  }
}
