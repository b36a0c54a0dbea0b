import autocannon from 'autocannon'
import { buildApp, startApp } from '../support/apps.ts'
import { interleave } from '../support/rounds.ts'
import type { Contender } from '../support/rounds.ts'
import { median, medianRatio } from '../support/statistics.ts'
import type { Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

const CONNECTIONS = 50
const SECONDS = 3
const requests = {
  header: { 'x-tenant-id': 'tenant-7' },
  subdomain: { host: 'tenant-7.shop.example' },
}

/** What it costs a trivial route that every request has a tenant. */
export const measure: Measure = {
  title: 'tenant of a request, trivial route, 50 connections',
  rounds: 9,
  async run({ rounds, progress, defer }) {
    const contenders: Record<string, Contender> = {}
    for (const [variant, name] of [['scale', 'without tenants'], ['tenancy', 'with tenants']] as const) {
      progress(`building the app ${name}`)
      const instance = await startApp(await buildApp(variant))
      defer(() => instance.stop())
      const { status } = await instance.fetch('/api/hello')
      if (status !== (variant === 'tenancy' ? 400 : 200)) throw new Error(`A request without a tenant was answered with ${status} (${name}).`)
      for (const [source, headers] of Object.entries(requests)) {
        contenders[`${name}, ${source}`] = async () => {
          const { requests, non2xx, errors, duration } = await autocannon({ url: `${instance.url}/api/hello`, connections: CONNECTIONS, duration: SECONDS, headers })
          if (non2xx + errors > 0) throw new Error(`${non2xx + errors} requests failed (${name}, ${source}).`)
          return requests.total / duration
        }
      }
    }
    const results = await interleave(contenders, rounds, progress)
    return {
      figures: Object.entries(results).map(([name, values]) => ({ name, value: median(values), unit: 'requests/s' })),
      checks: Object.keys(requests).map(source => check(`${source}: with tenants / without`, medianRatio(results[`with tenants, ${source}`]!, results[`without tenants, ${source}`]!), 'at least', 0.95)),
      notes: ['Both apps have the module, without Redis, and get the same headers.'],
    }
  },
}
