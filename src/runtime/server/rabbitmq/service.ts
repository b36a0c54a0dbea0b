import { defineService } from '../core/service'
import type { RabbitClient } from './client'

/** The messages of this process. */
export const rabbitService = defineService<RabbitClient>('RabbitMQ was used before the server started: call useRabbit() in a handler, or '
  + 'in a plugin of your own, not at the top of a file.')
