import autocannon from 'autocannon'
import { buildApp, startApp } from '../support/apps.ts'
import { processorSeconds } from '../support/processor.ts'
import { interleave } from '../support/rounds.ts'
import type { Contender } from '../support/rounds.ts'
import { median, medianRatio } from '../support/statistics.ts'
import type { Figure, Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

const variants = { rooms: 'every room', memory: 'without the module' } as const
const CONNECTIONS = 50
const SECONDS = 3
const headers = { 'x-tenant-id': 'tenant-7' }

/** What the module costs a route that uses nothing of it, with every room on and without Redis. */
export const measure: Measure = {
  title: 'every room, trivial route, 50 connections',
  rounds: 15,
  async run({ rounds, progress, defer }) {
    const contenders: Record<string, Contender> = {}
    const processorTimes: Record<string, number[]> = {}
    for (const [variant, name] of Object.entries(variants) as [keyof typeof variants, string][]) {
      progress(`building the app: ${name}`)
      const instance = await startApp(await buildApp(variant))
      defer(() => instance.stop())
      const response = await instance.fetch('/api/hello', { headers })
      if (!response.ok || response.headers.has('ratelimit') !== (variant === 'rooms')) throw new Error(`/api/hello answered ${response.status}, and not as it should (${name}).`)
      const times: number[] = processorTimes[name] = []
      contenders[name] = async () => {
        const before = await processorSeconds(instance.pid)
        const { requests, non2xx, errors, duration } = await autocannon({ url: `${instance.url}/api/hello`, connections: CONNECTIONS, duration: SECONDS, headers })
        if (non2xx + errors > 0) throw new Error(`${non2xx + errors} requests failed (${name}).`)
        times.push((await processorSeconds(instance.pid) - before) / requests.total * 1e6)
        return requests.total / duration
      }
    }
    const results = await interleave(contenders, rounds, progress)
    const figures: Figure[] = Object.entries(results).map(([name, values]) => ({ name, value: median(values), unit: 'requests/s' }))
    // The first round warms up.
    for (const [name, times] of Object.entries(processorTimes)) figures.push({ name: `processor time a request, ${name}`, value: median(times.slice(1)), unit: 'µs' })
    return {
      figures,
      checks: [check(`${variants.rooms} / ${variants.memory}`, medianRatio(results[variants.rooms]!, results[variants.memory]!), 'at least', 0.95)],
      notes: ['With every room each response also has a tenant, its Vary, Cache-Control and ETag, and what is left of a rate limit that is counted in memory.'],
    }
  },
}
