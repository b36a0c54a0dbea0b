import type { Broker } from './broker'
import { createEmbeddedServer } from './embedded/server'
import type { RabbitmqSettings } from './settings'

/** Where the feature says what it has to. */
export interface RabbitLog {
  info: (message: string) => void
  warn: (message: string) => void
}

/**
 * The broker of the settings: RabbitMQ where a URL is set, else one in this process. RabbitMQ itself may be down, and is sought until the broker is closed.
 * The code for RabbitMQ is loaded only where it is used.
 */
export async function openBroker(settings: RabbitmqSettings, log: RabbitLog): Promise<Broker> {
  const { urls, tls, window, buffer, appId } = settings
  if (urls.length === 0) return createEmbeddedServer({ limits: buffer, log }).connect()
  const { createAmqpBroker } = await import('./amqp/broker')
  return createAmqpBroker({ urls, tls, appId, window, buffer, log })
}
