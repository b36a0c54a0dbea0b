import type { RabbitClient } from './client'

/** The room of this process, for other rooms. */
export interface CurrentRabbit {
  client: RabbitClient
  /** Whether messages go to a broker outside of the process, which can be down. */
  remote: boolean
  /** Resolves when there is a connection. @throws Error when there is none within `timeout` ms */
  check: (timeout: number) => Promise<unknown>
}

let current: CurrentRabbit | undefined

export function currentRabbit(): CurrentRabbit | undefined {
  return current
}

export function setCurrentRabbit(rabbit: CurrentRabbit | undefined): void {
  current = rabbit
}
