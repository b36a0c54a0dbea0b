import type { ProbeOptions } from '../core/probe'
import type { HealthLevel } from './types'

/** A check of one dependency of the app. */
export interface HealthCheck extends ProbeOptions {
  name: string
  level: HealthLevel
}
