import type { Broker } from '../../runtime/server/rabbitmq/broker'
import { openBroker } from '../../runtime/server/rabbitmq/open'
import { resolveRabbitmqSettings } from '../../runtime/server/rabbitmq/settings'
import { loadApp } from '../support/app'
import { CliFailure } from '../support/exit'
import { runTimeOptions } from '../support/run-time-options'
import type { Terminal } from '../support/terminal'

/** ms to find RabbitMQ, and to leave it. */
const CONNECT_TIMEOUT = 10_000
const CLOSE_TIMEOUT = 5000

/**
 * Runs a task on the RabbitMQ of the app.
 *
 * @throws CliFailure when the app has none, or it does not answer
 */
export async function withBroker<T>(cwd: string, terminal: Terminal, task: (broker: Broker) => Promise<T>): Promise<T> {
  const { options, env } = await loadApp(cwd)
  const { rabbitmq } = runTimeOptions({ ...options, rabbitmq: options.rabbitmq || {} }, env)
  const settings = resolveRabbitmqSettings(rabbitmq || {}, env)
  if (settings.urls.length === 0) throw new CliFailure('There is no RabbitMQ to look at: set NUXT_SCALE_RABBITMQ_URL (or RABBITMQ_URL), or write it into .env. Without one, messages live in the process of the app.')
  const broker = await openBroker(settings, { info: () => {}, warn: message => terminal.log.warn(message) })
  try {
    await broker.connect(CONNECT_TIMEOUT)
    return await task(broker)
  }
  finally {
    await broker.close(CLOSE_TIMEOUT)
  }
}
