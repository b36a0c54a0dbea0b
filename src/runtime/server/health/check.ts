import type { ProbeOptions } from '../core/probe'
import type { HealthLevel } from './types'

/** One thing that the app depends on. */
export interface HealthCheck extends ProbeOptions {
  name: string
  level: HealthLevel
}
