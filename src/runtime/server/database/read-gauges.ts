import { instrument, onRead } from '../core/instruments'
import type { DatabaseGauges } from './registry'

const POOL = 'clients'

const count = instrument('db.client.connection.count')
const most = instrument('db.client.connection.max')
const pending = instrument('db.client.connection.pending_requests')
const clients = instrument('scale.tenant.clients')

/**
 * Records the use of the connection budget when metrics are read.
 *
 * @returns a function that stops it
 */
export function readGaugesOf(
  registry: { gauges: () => DatabaseGauges },
  { maxConnections, pool }: { maxConnections: number, pool: { max: number } },
): () => void {
  return onRead(() => {
    const gauges = registry.gauges()
    const used = Math.min(gauges.reserved, gauges.leases * pool.max)
    count.record(used, POOL, 'used')
    count.record(gauges.reserved - used, POOL, 'idle')
    most.record(maxConnections, POOL)
    pending.record(gauges.waiting, POOL)
    clients.record(gauges.clients)
  })
}
