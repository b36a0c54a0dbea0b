import { compareApps } from '../support/side-by-side.ts'
import { median, medianRatio } from '../support/statistics.ts'
import type { Figure, Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

const FEATURES = 'every feature'
const BARE = 'the features of an empty block'
const NONE = 'without the module'
const headers = { 'x-tenant-id': 'tenant-7' }

/** What the module costs a route that uses nothing of it, with every feature on and without Redis. */
export const measure: Measure = {
  title: 'every feature, trivial route, 50 connections',
  rounds: 2,
  async run(context) {
    const results = await compareApps({
      apps: { [FEATURES]: 'features', [BARE]: 'scale', [NONE]: 'memory' },
      requests: { '': headers },
      async verify(instance, variant) {
        const response = await instance.fetch('/api/hello', { headers })
        if (!response.ok || response.headers.has('ratelimit') !== (variant === 'features')) throw new Error(`/api/hello answered ${response.status}, and not as it should (${variant}).`)
      },
    }, context)
    return {
      figures: Object.entries(results).flatMap(([name, { rates, times }]): Figure[] => [
        { name, value: median(rates), unit: 'requests/s' },
        { name: `processor time a request, ${name}`, value: median(times), unit: 'µs' },
      ]),
      checks: [check(`${FEATURES} / ${NONE}`, medianRatio(results[FEATURES]!.rates, results[NONE]!.rates), 'at least', 0.95)],
      notes: [
        'With every feature each response also has a tenant, its Vary, Cache-Control and ETag, and what is left of a rate limit that is counted in memory.',
        'With the features of an empty block (storage, cache, health) an app is faster than without the module, which makes Nitro\'s hooks and closures cheaper for every request. The other features use up what that gives.',
      ],
    }
  },
}
