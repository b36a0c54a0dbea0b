import { compareApps, nameOf } from '../support/side-by-side.ts'
import { median, medianRatio } from '../support/statistics.ts'
import type { Figure, Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

const requests = {
  header: { 'x-tenant-id': 'tenant-7' },
  subdomain: { Host: 'tenant-7.shop.example' },
}

/** What it costs a trivial route that every request has a tenant. */
export const measure: Measure = {
  title: 'tenant of a request, trivial route, 50 connections',
  rounds: 2,
  async run(context) {
    const results = await compareApps({
      apps: { 'with tenants': 'tenancy', 'without tenants': 'scale' },
      requests,
      async verify(instance, variant) {
        const { status } = await instance.fetch('/api/hello')
        if (status !== (variant === 'tenancy' ? 400 : 200)) throw new Error(`A request without a tenant was answered with ${status} (${variant}).`)
      },
    }, context)
    return {
      figures: Object.entries(results).flatMap(([name, { rates, times }]): Figure[] => [
        { name, value: median(rates), unit: 'requests/s' },
        { name: `processor time a request, ${name}`, value: median(times), unit: 'µs' },
      ]),
      checks: Object.keys(requests).map(kind => check(
        `${kind}: with tenants / without`,
        medianRatio(results[nameOf('with tenants', kind)]!.rates, results[nameOf('without tenants', kind)]!.rates),
        'at least', 0.95,
      )),
      notes: ['Both apps have the module, without Redis, and get the same headers.'],
    }
  },
}
