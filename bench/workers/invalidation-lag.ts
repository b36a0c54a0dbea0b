/**
 * One of two processes between which invalidations travel. The clock of `hrtime` is one for all processes of a machine.
 */
import type { RedisConnection } from '../../src/runtime/server/redis/types'
import { startOurs } from '../support/peers.ts'
import type { OwnPeer } from '../support/peers.ts'
import { serve } from '../support/workers.ts'

const RAW_CHANNEL = 'raw'

let cache: OwnPeer | undefined
let entries = 0
const gone: bigint[] = []
const heard: bigint[] = []

const key = (index: number) => `product:${index}`
const now = () => process.hrtime.bigint()
/** Time for both processes to finish what a message left behind. */
const rest = () => new Promise(resolve => setTimeout(resolve, 1))

/** A connection whose subscribers tell when the cache has dealt with a message. */
function watched(connection: RedisConnection): RedisConnection {
  return new Proxy(connection, {
    get(target, name) {
      if (name !== 'openSubscriber') return Reflect.get(target, name, target)
      return (...args: Parameters<RedisConnection['openSubscriber']>) => {
        const subscriber = target.openSubscriber(...args)
        // Behind the cache's own listener, which it adds in this turn: what that one removed is gone when ours runs.
        queueMicrotask(() => subscriber.on('message', noteWhatIsGone))
        return subscriber
      }
    },
  })
}

function noteWhatIsGone(): void {
  const left = cache?.engine.memory.entries ?? 0
  for (; entries > left; entries--) gone.push(now())
}

const methods = {
  /** Starts the cache of the process that sends. */
  async startSender(port: number) {
    cache = await startOurs({ port })
  },

  /** Starts the cache of the process that hears, and a subscriber of raw messages. */
  async startHearer(port: number) {
    cache = await startOurs({ port }, {}, watched)
    const raw = cache.connection.openSubscriber()
    raw.on('message', () => void heard.push(now()))
    await new Promise<void>((resolve, reject) => {
      raw.once('ready', () => raw.subscribe(RAW_CHANNEL).then(() => resolve(), reject))
    })
  },

  /** Fills L1; returns the number of entries in it. */
  async fill(count: number) {
    for (let index = 0; index < count; index++) await cache!.get(key(index), () => index)
    entries = cache!.engine.memory.entries
    return entries
  },

  /** Invalidates every key and publishes as many messages, in turn. */
  async send(count: number) {
    const sent: bigint[] = []
    const resolved: bigint[] = []
    const published: bigint[] = []
    for (let index = 0; index < count; index++) {
      sent.push(now())
      await cache!.engine.invalidate(key(index))
      resolved.push(now())
      await rest()
      published.push(now())
      await cache!.connection.client.publish(RAW_CHANNEL, key(index))
      await rest()
    }
    return { sent, resolved, published }
  },

  received: () => ({ gone, heard }),
}

export type InvalidationLagMethods = typeof methods

serve(methods)
