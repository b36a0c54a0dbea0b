import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import { buildFixture, startNuxt } from '../../test/support/nuxt.ts'
import type { NuxtInstance } from '../../test/support/nuxt.ts'
import { startRedis } from '../../test/support/redis.ts'
import { interleave } from '../support/rounds.ts'
import { median, medianRatio } from '../support/statistics.ts'
import type { Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

const app = fileURLToPath(new URL('../apps/route', import.meta.url))
const CONNECTIONS = 50
const SECONDS = 3

/** A cached route of a built app, hot. */
export const measure: Measure = {
  title: 'Cached route, hot, 50 connections',
  rounds: 5,
  async run({ rounds, progress, defer }) {
    const redis = await startRedis()
    defer(() => redis.stop())
    progress('building two apps')
    const scale = await buildFixture(app, { buildDir: '.nuxt/scale', outputDir: '.output/scale' })
    const plain = await buildFixture(app, { env: { PLAIN_NITRO: '1' }, buildDir: '.nuxt/plain', outputDir: '.output/plain' })
    const ours = await startNuxt(scale, { env: { NUXT_SCALE_REDIS_URL: redis.url } })
    defer(() => ours.stop())
    const onRedis = await startNuxt(plain, { env: { PLAIN_REDIS_URL: redis.url } })
    defer(() => onRedis.stop())
    const inMemory = await startNuxt(plain)
    defer(() => inMemory.stop())

    const results = await interleave({
      'ours, on Redis': () => requestsPerSecond(ours),
      'plain Nitro, unstorage redis driver': () => requestsPerSecond(onRedis),
      'plain Nitro, in memory': () => requestsPerSecond(inMemory),
    }, rounds, progress)
    const own = results['ours, on Redis']
    return {
      figures: Object.entries(results).map(([name, values]) => ({ name, value: median(values), unit: 'requests/s' })),
      checks: [
        check('ours / plain Nitro with the redis driver', medianRatio(own, results['plain Nitro, unstorage redis driver']), 'at least', 1.5),
        check('ours / plain Nitro in memory', medianRatio(own, results['plain Nitro, in memory']), 'at least', 1),
      ],
      notes: ['The load comes from the same machine, so the ratios are what counts.'],
    }
  },
}

async function requestsPerSecond({ url }: NuxtInstance): Promise<number> {
  const { requests, errors, non2xx } = await autocannon({ url: `${url}/api/list`, connections: CONNECTIONS, duration: SECONDS })
  if (errors + non2xx > 0) throw new Error(`${errors + non2xx} requests to ${url} failed.`)
  return requests.average
}
