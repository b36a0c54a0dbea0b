import { Cluster, Redis } from 'ioredis'
import { startRedis } from '../../test/support/redis.ts'
import { createClient } from '../support/engine.ts'
import type { Peer } from '../support/peers.ts'
import { connectionSettings, startBentocache, startNaive, startOurs, startUnstorage } from '../support/peers.ts'
import { product } from '../support/product.ts'
import { interleave } from '../support/rounds.ts'
import { median, medianRatio } from '../support/statistics.ts'
import type { Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

const KEYS = 20_000
const IN_FLIGHT = 256

/** A hit in Redis, with L1 off. */
export const measure: Measure = {
  title: 'L2 hit, distinct keys, 256 in flight, one connection',
  rounds: 10,
  async run({ rounds, progress, defer }) {
    const server = await startRedis()
    defer(() => server.stop())
    const { port } = server
    const settings = connectionSettings({ port })

    const pipelined = createClient(settings, { Redis, Cluster }) as Redis
    const single = pipelined.duplicate({ enableAutoPipelining: false })
    defer(() => pipelined.quit())
    defer(() => single.quit())
    await Promise.all([pipelined, single].map(client => new Promise(resolve => client.once('ready', resolve))))

    const peers = {
      'ours': await startOurs({ port }, { l1: false }),
      'unstorage redis driver': startUnstorage(port),
      'bentocache': startBentocache(port),
      'naive helper': startNaive(port),
    }
    for (const peer of Object.values(peers)) defer(peer.close)

    progress('storing 20,000 values for each contender')
    await callsPerSecond(index => pipelined.set(`raw:${index}`, JSON.stringify(product(index))))
    for (const peer of Object.values(peers)) await callsPerSecond(index => peer.get(`product:${index}`, () => product(index)))

    const results = await interleave({
      'raw GET + JSON.parse, auto-pipelined': () => callsPerSecond(async index => JSON.parse(await pipelined.get(`raw:${index}`) ?? 'never')),
      'raw GET + JSON.parse': () => callsPerSecond(async index => JSON.parse(await single.get(`raw:${index}`) ?? 'never')),
      'ours': hits(peers.ours),
      'unstorage redis driver': hits(peers['unstorage redis driver']),
      'bentocache': hits(peers.bentocache),
      'naive helper': hits(peers['naive helper']),
    }, rounds, progress)

    const own = results.ours
    return {
      figures: Object.entries(results).map(([name, values]) => ({ name, value: median(values), unit: 'calls/s' })),
      checks: [
        check('ours / raw auto-pipelined', medianRatio(own, results['raw GET + JSON.parse, auto-pipelined']), 'at least', 0.85),
        check('ours / bentocache', medianRatio(own, results.bentocache), 'at least', 1.4),
        check('ours / unstorage', medianRatio(own, results['unstorage redis driver']), 'at least', 1.4),
      ],
      notes: [
        'Raw GET uses the client options of ours. bentocache, unstorage and the naive helper use the client they make by default.',
        'cacheable is left out: its Redis store is another package, which the bench does not install.',
      ],
    }
  },
}

function hits(peer: Peer) {
  const refuse = () => {
    throw new Error('A value that was stored is gone.')
  }
  return () => callsPerSecond(index => peer.get(`product:${index}`, refuse))
}

/** Calls `operation` once for each key, 256 at a time. */
async function callsPerSecond(operation: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0
  async function lane() {
    while (next < KEYS) await operation(next++)
  }
  const start = process.hrtime.bigint()
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  return KEYS / (Number(process.hrtime.bigint() - start) / 1e9)
}
