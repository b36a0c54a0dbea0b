import type { IncomingMessage, ServerResponse } from 'node:http'
import { defineService } from '../core/service'
import type { MonitoringRing } from './ring'
import type { ClientError, ResolvedFrame } from './types'

/** The monitoring feature of this process. */
export interface CurrentMonitoring {
  ring: MonitoringRing
  ingest: (request: IncomingMessage, response: ServerResponse) => Promise<void>
  resolve: (error: Pick<ClientError, 'frames'>) => Promise<ResolvedFrame[]>
}

/** Access to the monitoring feature of this process. */
export const monitoringService = defineService<CurrentMonitoring>(
  'useMonitoring() was called before the server started, or scale.monitoring is off: call it in a handler, and add monitoring: {}.',
)
