import { AsyncLocalStorage } from 'node:async_hooks'
import { hash } from 'node:crypto'

const requests = new AsyncLocalStorage<object>()

/**
 * What Node itself takes for the response of the app with every feature: the same headers, the hash of the body, and a context of the call.
 * Nothing is decided here: neither the tenant, nor a rule, nor a limit.
 */
export default defineEventHandler((event) => {
  const { res } = event.node
  const body = 'hello'
  res.setHeader('vary', 'x-tenant-id, host')
  res.setHeader('ratelimit-policy', '"/api/**";q=1000000;w=1')
  res.setHeader('ratelimit', '"/api/**";r=999999;t=1')
  res.setHeader('cache-control', 'private, max-age=60')
  res.setHeader('etag', `W/"${hash('sha1', body, 'base64url')}"`)
  return requests.run({ event }, () => body)
})
