import type { RabbitClient } from './client'

let current: RabbitClient | undefined

/** Returns the messaging client of this process; undefined before the server has started. */
export function currentRabbit(): RabbitClient | undefined {
  return current
}

export function setCurrentRabbit(rabbit: RabbitClient | undefined): void {
  current = rabbit
}
