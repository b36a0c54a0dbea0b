import { compareApps } from '../support/side-by-side.ts'
import { median, medianRatio } from '../support/statistics.ts'
import type { Figure, Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

const FEATURES = 'every feature'
const PATCHED = 'Nitro with the patches'
const BY_HAND = 'the same response by hand'
const NONE = 'Nitro as it is'
const headers = { 'x-tenant-id': 'tenant-7' }

/** What the module costs a route that uses nothing of it, with every feature on and without Redis. */
export const measure: Measure = {
  title: 'every feature, trivial route, 50 connections',
  rounds: 2,
  async run(context) {
    const results = await compareApps({
      apps: { [FEATURES]: 'features', [PATCHED]: 'patched', [BY_HAND]: 'patched', [NONE]: 'memory' },
      requests: { '': headers },
      paths: { [BY_HAND]: '/api/by-hand' },
      async verify(instance, variant) {
        const response = await instance.fetch('/api/hello', { headers })
        if (!response.ok || response.headers.has('ratelimit') !== (variant === 'features')) throw new Error(`/api/hello answered ${response.status}, and not as it should (${variant}).`)
      },
    }, context)
    return {
      figures: [
        ...Object.entries(results).flatMap(([name, { rates, times }]): Figure[] => [
          { name, value: median(rates), unit: 'requests/s' },
          { name: `processor time a request, ${name}`, value: median(times), unit: 'µs' },
        ]),
        { name: `${FEATURES} / ${BY_HAND}`, value: medianRatio(results[FEATURES]!.rates, results[BY_HAND]!.rates), unit: '' },
        { name: `${BY_HAND} / ${PATCHED}`, value: medianRatio(results[BY_HAND]!.rates, results[PATCHED]!.rates), unit: '' },
      ],
      checks: [
        check(`${FEATURES} / ${NONE}`, medianRatio(results[FEATURES]!.rates, results[NONE]!.rates), 'at least', 0.8),
        check(`${FEATURES} / ${PATCHED}`, medianRatio(results[FEATURES]!.rates, results[PATCHED]!.rates), 'at least', 0.85),
      ],
      notes: [
        'With every feature each response also has a tenant, its Vary, Cache-Control and ETag, and what is left of a rate limit that is counted in memory.',
        'The patches make Nitro\'s hooks and closures cheaper for every request, whatever features are on: scale.nitroPatches. In the second app health is on, which adds nothing to this route.',
        'By hand, a handler of the second app sets the same five headers, hashes the body and enters an AsyncLocalStorage. It decides nothing, so it shows what Node takes for such a response.',
      ],
    }
  },
}
