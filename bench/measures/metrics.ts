import { compareApps } from '../support/side-by-side.ts'
import { median, medianRatio } from '../support/statistics.ts'
import type { Figure, Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

const METRICS = 'with metrics'
const NONE = 'without metrics'
const ROUTES = { 'trivial route': '/api/hello', 'cached route': '/api/handler' } as const

/** What metrics cost a trivial route and a cached one, without Redis. */
export const measure: Measure = {
  title: 'metrics, trivial and cached route, 50 connections',
  rounds: 2,
  async run(context) {
    const figures: Figure[] = []
    const checks = []
    for (const [route, path] of Object.entries(ROUTES)) {
      const results = await compareApps({
        apps: { [METRICS]: 'metrics', [NONE]: 'scale' },
        requests: { '': {} },
        path,
        async verify(instance) {
          const response = await instance.fetch(path)
          if (!response.ok) throw new Error(`${path} answered ${response.status}.`)
        },
      }, context)
      for (const [name, { rates, times }] of Object.entries(results)) {
        figures.push(
          { name: `${route}, ${name}`, value: median(rates), unit: 'requests/s' },
          { name: `processor time a request, ${route}, ${name}`, value: median(times), unit: 'µs' },
        )
      }
      checks.push(check(`${route}: ${METRICS} / ${NONE}`, medianRatio(results[METRICS]!.rates, results[NONE]!.rates), 'at least', 0.97))
    }
    return { figures, checks, notes: ['Nothing reads the metrics during the measure.'] }
  },
}
