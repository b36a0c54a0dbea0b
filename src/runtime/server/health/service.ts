import { defineService } from '../core/service'
import type { EventLoopLag } from './event-loop-lag'
import type { Probes } from './probes'
import type { HealthSettings } from './settings'

/** The health feature of this process. */
export interface CurrentHealth {
  settings: HealthSettings
  probes: Probes
  lag: () => EventLoopLag
}

/** The health feature of this process. It is a function because the checks are collected at the first probe. */
export const healthService = defineService<() => CurrentHealth>('A health probe arrived before the server had started.')
