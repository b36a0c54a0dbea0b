import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { H3Event } from 'h3'
import { LRUCache } from 'lru-cache'
import { clientAddress, networkOf } from '../core/client-address'
import { currentScope } from '../request/call-context'
import type { RateLimit, RateLimitSettings } from './settings'

/** Functions for rate limits in `server/scale.config.ts`. */
export interface RateLimitFunctions {
  /**
   * Returns the key of the caller for a rule with `key: 'function'`, such as the id of the signed-in user.
   * With `undefined`, the client address is the key. Redis stores a hash of the key.
   */
  rateLimitKey?: (event: H3Event, rule: { name: string }) => string | undefined | Promise<string | undefined>
}

const MOST_NETWORKS = 1000

/** Creates the function that finds the bucket key of a request. */
export function createKeyFinder(
  { trusts }: Pick<RateLimitSettings, 'trusts'>, { rateLimitKey }: RateLimitFunctions,
): (event: H3Event, rule: RateLimit) => string | Promise<string> {
  /** Networks of peers without `X-Forwarded-For`. The same peer sends many requests, so caching saves parsing its address each time. */
  const networks = new LRUCache<string, string>({ max: MOST_NETWORKS })

  const byAddress = ({ headers, socket }: IncomingMessage) => {
    const forwarded = headers['x-forwarded-for']
    const { remoteAddress } = socket
    if (forwarded !== undefined || remoteAddress === undefined) return networkBehind(remoteAddress, forwarded)
    let network = networks.get(remoteAddress)
    if (network === undefined) networks.set(remoteAddress, network = networkBehind(remoteAddress, undefined))
    return network
  }

  function networkBehind(peer: string | undefined, forwarded: string | string[] | undefined): string {
    const address = clientAddress(peer, Array.isArray(forwarded) ? forwarded.join(',') : forwarded, trusts)
    return address === undefined ? 'unknown' : networkOf(address)
  }
  return (event, rule) => {
    if (rule.key === 'tenant') return `tenant ${currentScope()}`
    if (rule.key === 'address' || !rateLimitKey) return byAddress(event.node.req)
    const found = rateLimitKey(event, { name: rule.name })
    return found instanceof Promise
      ? found.then(key => key === undefined ? byAddress(event.node.req) : hashed(key))
      : found === undefined ? byAddress(event.node.req) : hashed(found)
  }
}

/** Hashes a key of the app, because it may be a token or an e-mail address, and may have any length. */
export function hashed(key: string): string {
  return createHash('sha256').update(key).digest('base64url').slice(0, 22)
}
