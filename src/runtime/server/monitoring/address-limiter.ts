import type { IncomingMessage } from 'node:http'
import { LRUCache } from 'lru-cache'
import { clientAddress, networkOf } from '../core/client-address'
import { bucketOf, decide, waitOf } from '../core/gcra'

/** Options of {@link createAddressLimiter}. */
export interface AddressLimiterOptions {
  /** Messages of one address per minute. A sixth of them may come at once. */
  perMinute: number
  /** Returns whether an address is one of the proxies. */
  trusts: (address: string | undefined) => boolean
  /** Microseconds of a monotonic clock. */
  now?: () => number
}

/** Most addresses that are remembered, about 2 MB. The least recently used ones are dropped. */
const MOST_ADDRESSES = 10_000
const MINUTE = 60_000_000
/** Messages of all addresses per minute. It bounds the work of a distributed attack. */
const TOTAL_PER_MINUTE = 30_000

/**
 * Creates a function that takes one message from the bucket of a client address, in the memory of this process.
 *
 * @returns a function that returns 0, or the milliseconds to wait if there are too many messages
 */
export function createAddressLimiter(
  { perMinute, trusts, now = () => Math.floor(performance.now() * 1000) }: AddressLimiterOptions,
): (request: Pick<IncomingMessage, 'headers' | 'socket'>) => number {
  const bucket = bucketOf(perMinute, MINUTE, Math.ceil(perMinute / 6))
  const total = bucketOf(TOTAL_PER_MINUTE, MINUTE, TOTAL_PER_MINUTE / 60)
  const arrivals = new LRUCache<string, number>({ max: MOST_ADDRESSES })
  let arrivalOfAll = 0

  return ({ headers, socket }) => {
    const forwarded = headers['x-forwarded-for']
    const address = clientAddress(socket.remoteAddress, Array.isArray(forwarded) ? forwarded.join(',') : forwarded, trusts)
    const key = address === undefined ? 'unknown' : networkOf(address)
    const moment = now()
    const own = decide(bucket, arrivals.get(key) ?? 0, moment, 1)
    if (!own.allowed) return Math.max(1, waitOf(bucket, own.fill, 1) / 1000)
    const all = decide(total, arrivalOfAll, moment, 1)
    if (!all.allowed) return Math.max(1, waitOf(total, all.fill, 1) / 1000)
    arrivals.set(key, own.arrival)
    arrivalOfAll = all.arrival
    return 0
  }
}
