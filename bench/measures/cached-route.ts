import { startRedis } from '../../test/support/redis.ts'
import { waitFor } from '../../test/support/wait.ts'
import type { AppVariant } from '../support/apps.ts'
import { buildApp, startApp } from '../support/apps.ts'
import { loadHttp } from '../support/http-load.ts'
import type { Contender } from '../support/rounds.ts'
import { interleave } from '../support/rounds.ts'
import { median, medianRatio } from '../support/statistics.ts'
import type { Figure, Measure, MeasureContext } from '../support/types.ts'
import { check } from '../support/types.ts'

const variants = { scale: 'ours on Redis', redis: 'plain Nitro, unstorage redis driver', memory: 'plain Nitro in memory' } as const satisfies Partial<Record<AppVariant, string>>
type Variant = keyof typeof variants
const routes = { '/api/handler': 'cachedEventHandler', '/api/ruled': 'route rule swr' } as const
const CONNECTIONS = 50
const SECONDS = 4

/** Requests a second to cached routes of a built app. */
export const measure: Measure = {
  title: 'cached route, hot, 5 kB, 50 connections',
  rounds: 5,
  async run(context) {
    const { rounds, progress, defer } = context
    const contenders: Record<string, Contender> = {}
    const processorTimes: Record<string, number[]> = {}
    for (const variant of Object.keys(variants) as Variant[]) {
      progress(`building the app: ${variants[variant]}`)
      const instance = await startVariant(variant, defer)
      for (const [path, surface] of Object.entries(routes)) {
        const name = `${surface}: ${variants[variant]}`
        const times: number[] = processorTimes[name] = []
        contenders[name] = async () => {
          const { requestsPerSecond, processorTime } = await loadHttp(instance.url + path, instance.pid, { connections: CONNECTIONS, seconds: SECONDS })
          times.push(processorTime)
          return requestsPerSecond
        }
      }
    }
    const results = await interleave(contenders, rounds, progress)
    const of = (surface: string, variant: Variant) => results[`${surface}: ${variants[variant]}`]!
    const figures: Figure[] = Object.entries(results).map(([name, values]) => ({ name, value: median(values), unit: 'requests/s' }))
    for (const [name, times] of Object.entries(processorTimes)) {
      // The first round warms up.
      if (!Number.isNaN(times[0])) figures.push({ name: `processor time a request, ${name}`, value: median(times.slice(1)), unit: 'µs' })
    }
    return {
      figures,
      checks: Object.values(routes).flatMap(surface => [
        check(`${surface}: ours / plain Nitro on Redis`, medianRatio(of(surface, 'scale'), of(surface, 'redis')), 'at least', 1.5),
        check(`${surface}: ours / plain Nitro in memory`, medianRatio(of(surface, 'scale'), of(surface, 'memory')), 'at least', 1),
      ]),
      notes: [],
    }
  },
}

/** Each variant has a Redis of its own. */
async function startVariant(variant: Variant, defer: MeasureContext['defer']) {
  const server = await startRedis()
  defer(() => server.stop())
  const instance = await startApp(await buildApp(variant), server.url)
  defer(() => instance.stop())
  const client = server.client()
  for (const path of Object.keys(routes)) {
    const response = await instance.fetch(path)
    const body = await response.text()
    if (!response.ok || body.length < 4000) throw new Error(`${path} answered ${response.status} with ${body.length} bytes (${variants[variant]}).`)
  }
  // Plain Nitro writes behind the answer, and a variant that writes nothing would be measured uncached.
  if (variant !== 'memory') {
    await waitFor(async () => await client.dbsize() >= Object.keys(routes).length, { message: `the cached routes to be in Redis (${variants[variant]})` })
  }
  return instance
}
