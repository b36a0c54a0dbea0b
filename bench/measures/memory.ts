import { quantile } from '../support/statistics.ts'
import type { Figure, Measure } from '../support/types.ts'
import { check } from '../support/types.ts'
import { startWorker } from '../support/workers.ts'
import type { FillerMethods, Shape } from '../workers/filler.ts'

const KEYS = 1_000_000
const BOUND = 64 * 1024 * 1024
const MEGABYTE = 1024 * 1024
/** Large values fill the bound many times over with far fewer keys. */
const keysOf: Record<number, number> = { 100: KEYS, 1000: 150_000, 10_000: 15_000 }
const shapes: Shape[] = ['one text', 'fields', 'list of objects', 'points', 'Cyrillic text', 'numbers']

/** What an L1 of 64 MB holds, by its own estimate and in truth. */
export const measure: Measure = {
  title: 'memory of L1 under distinct keys, 1,000,000 of them at 100 bytes, maxBytes 64mb',
  rounds: 1,
  async run({ progress, defer }) {
    const figures: Figure[] = []
    const estimates: number[] = []
    const truths: number[] = []
    for (const [size, keys] of Object.entries(keysOf)) {
      // A million keys of each shape say no more than of one.
      for (const shape of Number(size) === 100 ? shapes.slice(0, 2) : shapes) {
        const name = `${Number(size).toLocaleString('en-US')} bytes, ${shape}`
        progress(name)
        const worker = await startWorker<FillerMethods>('filler.ts')
        defer(worker.stop)
        const { payload, entries, estimated, mostEstimated, grown } = await worker.call('fill', shape, Number(size), keys, BOUND)
        await worker.stop()
        estimates.push(mostEstimated / BOUND, estimated / BOUND)
        truths.push(grown / BOUND)
        figures.push(
          { name: `${name}: entries held`, value: entries, unit: '' },
          { name: `${name}: payload`, value: payload, unit: 'bytes' },
          { name: `${name}: estimate`, value: estimated / entries, unit: 'bytes an entry' },
          { name: `${name}: truth`, value: grown / entries, unit: 'bytes an entry' },
          { name: `${name}: growth of the heap`, value: grown / MEGABYTE, unit: 'MB' },
        )
      }
    }
    return {
      figures,
      checks: [
        check('largest estimate / bound', quantile(estimates, 1), 'at most', 1),
        check('largest growth of the heap / bound', quantile(truths, 1), 'at most', 1),
      ],
      notes: ['Each kind of value has a process of its own. maxEntries is 250,000 here, so that the bytes are the bound.'],
    }
  },
}
