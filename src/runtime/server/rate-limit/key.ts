import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { H3Event } from 'h3'
import { LRUCache } from 'lru-cache'
import { clientAddress, networkOf } from '../core/client-address'
import { currentScope } from '../request/scope'
import type { RateLimit, RateLimitSettings } from './settings'

/** What `server/scale.config.ts` may say about limits. */
export interface RateLimitFunctions {
  /**
   * Whose bucket a request of a rule with `key: 'function'` takes from, such as the id of the signed-in user. `undefined`: its address decides.
   * Redis keeps a hash of it.
   */
  rateLimitKey?: (event: H3Event, rule: { name: string }) => string | undefined | Promise<string | undefined>
}

const MOST_NETWORKS = 1000

/** Finds the key of a request's bucket. */
export function createKeyFinder({ trusts }: Pick<RateLimitSettings, 'trusts'>, { rateLimitKey }: RateLimitFunctions): (event: H3Event, rule: RateLimit) => string | Promise<string> {
  /** Of peers that nobody speaks through, of which a proxy or a browser on a connection it keeps is asked for again and again. */
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

/** A key of the app's own may be a token or an address, and of any length. */
export function hashed(key: string): string {
  return createHash('sha256').update(key).digest('base64url').slice(0, 22)
}
