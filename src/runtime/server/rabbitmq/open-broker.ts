import type { Broker, BrokerLog } from './broker'
import { createEmbeddedServer } from './embedded/server'
import type { RabbitmqSettings } from './settings'

/**
 * Opens the broker of the settings: RabbitMQ if a URL is set, else an in-memory broker. It does not fail when RabbitMQ is down, but keeps
 * trying to connect until it is closed. The RabbitMQ client is imported only if it is needed.
 */
export async function openBroker(settings: RabbitmqSettings, log: BrokerLog): Promise<Broker> {
  const { urls, tls, window, buffer, appId, frames } = settings
  if (urls.length === 0) return createEmbeddedServer({ limits: buffer, log }).connect()
  const { createAmqpBroker } = await import('./amqp/amqp-broker')
  return createAmqpBroker({ urls, tls, appId, window, buffer, frames, log })
}
