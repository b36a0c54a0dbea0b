import { startRedis } from '../../test/support/redis.ts'
import { waitFor } from '../../test/support/wait.ts'
import { quantile } from '../support/statistics.ts'
import type { Measure } from '../support/types.ts'
import { check } from '../support/types.ts'
import { startWorker } from '../support/workers.ts'
import type { InvalidationLagMethods } from '../workers/invalidation-lag.ts'

const INVALIDATIONS = 2000

/** How long another process still holds what was invalidated here. */
export const measure: Measure = {
  title: `from invalidate() in one process to the entry gone from another's L1, ${INVALIDATIONS.toLocaleString('en-US')} times a round`,
  rounds: 3,
  async run({ rounds, progress, defer }) {
    const lags: number[] = []
    const rawLags: number[] = []
    const afterwards: number[] = []
    for (let round = 1; round <= rounds; round++) {
      progress(`round ${round} of ${rounds}`)
      const server = await startRedis()
      defer(() => server.stop())
      const sender = await startWorker<InvalidationLagMethods>('invalidation-lag.ts')
      defer(sender.stop)
      const hearer = await startWorker<InvalidationLagMethods>('invalidation-lag.ts')
      defer(hearer.stop)
      await Promise.all([sender.call('startSender', server.port), hearer.call('startHearer', server.port)])
      const held = await hearer.call('fill', INVALIDATIONS)
      if (held !== INVALIDATIONS) throw new Error(`The L1 of the hearing process held ${held} of ${INVALIDATIONS} entries.`)

      const { sent, resolved, published } = await sender.call('send', INVALIDATIONS)
      const { gone, heard } = await waitFor(async () => {
        const received = await hearer.call('received')
        return received.gone.length === INVALIDATIONS && received.heard.length === INVALIDATIONS && received
      }, { message: 'every invalidation to be heard' })
      lags.push(...microseconds(gone, sent))
      rawLags.push(...microseconds(heard, published))
      afterwards.push(...microseconds(gone, resolved))
      await Promise.all([sender.stop(), hearer.stop()])
      await server.stop()
    }
    const p99 = quantile(lags, 0.99)
    const rawP99 = quantile(rawLags, 0.99)
    return {
      figures: [
        { name: 'invalidate() called to gone, p50', value: quantile(lags, 0.5), unit: 'µs' },
        { name: 'invalidate() called to gone, p99', value: p99, unit: 'µs' },
        { name: 'raw PUBLISH sent to heard, p50', value: quantile(rawLags, 0.5), unit: 'µs' },
        { name: 'raw PUBLISH sent to heard, p99', value: rawP99, unit: 'µs' },
        { name: 'invalidate() resolved to gone, p99', value: quantile(afterwards, 0.99), unit: 'µs' },
        { name: 'gone before invalidate() resolved', value: afterwards.filter(lag => lag <= 0).length / afterwards.length * 100, unit: '%' },
      ],
      checks: [check('p99 of invalidate() to gone / p99 of a raw PUBLISH', p99 / rawP99, 'at most', 3)],
      notes: ['Invalidations and raw messages take turns between the same two processes.'],
    }
  },
}

function microseconds(ends: bigint[], starts: bigint[]): number[] {
  return ends.map((end, index) => Number(end - starts[index]!) / 1000)
}
