import type { RabbitClient } from './client'

let current: RabbitClient | undefined

/** The feature of this process. */
export function currentRabbit(): RabbitClient | undefined {
  return current
}

export function setCurrentRabbit(rabbit: RabbitClient | undefined): void {
  current = rabbit
}
