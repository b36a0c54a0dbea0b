/** One process of several that ask a cache for the same key at the same moment. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { CacheOptions, LoadContext } from '../../src/runtime/server/cache/types'
import type { OwnPeer, Peer } from '../support/peers.ts'
import { startBentocache, startNaive, startOurs, startUnstorage } from '../support/peers.ts'
import { serve } from '../support/workers.ts'

/** Which cache is asked. */
export type Contestant = 'ours' | 'bentocache' | 'naive' | 'nitro'

/** A crowd of callers of one key. */
export interface Crowd {
  contestant: Contestant
  key: string
  /** Callers in each process. */
  callers: number
  /** Milliseconds that a load takes. */
  loadTime: number
  /** Moment of the first call on the clock of `hrtime`, the same for all processes. */
  startsAt: bigint
  /** Options of our cache. */
  options?: Pick<CacheOptions, 'ttl' | 'staleTtl' | 'jitter'>
  /** When every load says that its value may not be shared: as it begins or at its end. Ours only. */
  uncacheable?: 'first' | 'last'
}

let peers: { ours: OwnPeer, bentocache: Peer, naive: Peer, nitro: Peer } | undefined
let counter: Redis | undefined

const methods = {
  async start(port: number) {
    counter = new Redis({ host: '127.0.0.1', port })
    peers = {
      ours: await startOurs({ port }),
      bentocache: startBentocache(port, { l1: true, bus: true }),
      naive: startNaive(port),
      nitro: startUnstorage(port),
    }
    // Connections open with their first command.
    for (const [name, peer] of Object.entries(peers)) await peer.get(`warm-up:${name}`, () => 1)
  },

  /** Milliseconds that each caller waited. Every load is counted in Redis under `loads:<key>`. */
  async ask({ contestant, key, callers, loadTime, startsAt, options, uncacheable }: Crowd): Promise<number[]> {
    async function load(context?: LoadContext) {
      await counter!.incr(`loads:${key}`)
      if (uncacheable === 'first') context!.uncacheable()
      await sleep(loadTime)
      if (uncacheable === 'last') context!.uncacheable()
      return { text: 'loaded' }
    }
    const { engine } = peers!.ours
    const get = contestant === 'ours' ? () => engine.get(key, load, options ?? 300) : () => peers![contestant].get(key, () => load())
    await sleep(Math.max(0, Number(startsAt - process.hrtime.bigint()) / 1e6))
    return Promise.all(Array.from({ length: callers }, async () => {
      const start = performance.now()
      await get()
      return performance.now() - start
    }))
  },
}

export type CallerMethods = typeof methods

serve(methods)
