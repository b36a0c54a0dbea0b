import type { EventLoopLag } from './event-loop-lag'
import type { Probes } from './probes'
import type { HealthSettings } from './settings'

/** The health feature of this process. */
export interface CurrentHealth {
  settings: HealthSettings
  probes: Probes
  lag: () => EventLoopLag
}

let current: (() => CurrentHealth) | undefined

/** @throws Error before the server has started */
export function currentHealth(): CurrentHealth {
  if (!current) throw new Error('A health probe came before the server had started.')
  return current()
}

export function setCurrentHealth(find: (() => CurrentHealth) | undefined): void {
  current = find
}
