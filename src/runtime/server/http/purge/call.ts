import type { HttpPurgeSettings } from './settings'

/** Limits of one call. */
export interface CallLimits {
  /** Number of keys. */
  keys: number
  /** Length of all keys, including one separator between two keys. */
  bytes: number
}

/** Makes one call to a CDN. The signal aborts the call. */
export type PurgeCall = (keys: readonly string[], signal: AbortSignal) => Promise<void>

/** Error of a call that did not purge. */
export class PurgeFault extends Error {
  /** The fault is temporary: the same call could succeed later. */
  readonly isPassing: boolean
  /** Milliseconds to wait before the next call, as requested by the CDN. */
  readonly retryAfter: number | undefined

  constructor(message: string, isPassing: boolean, retryAfter?: number) {
    super(message)
    this.name = 'PurgeFault'
    this.isPassing = isPassing
    this.retryAfter = retryAfter
  }
}

/** Returns the limits of a CDN. Fastly accepts 256 keys per call, Cloudflare 100. Varnish and proxies read headers up to 8 KB. */
export function limitsOf({ target }: Pick<HttpPurgeSettings, 'target'>): CallLimits {
  if (target === 'fastly') return { keys: 256, bytes: 256 * 1024 }
  if (target === 'cloudflare') return { keys: 100, bytes: 100 * 1024 }
  return { keys: 100, bytes: 4000 }
}

/** Creates the function that purges keys at the CDN. */
export function createPurgeCall(settings: HttpPurgeSettings): PurgeCall {
  const { target, urls, id, token } = settings
  const [api] = urls
  if (target === 'fastly') {
    return async (keys, signal) => {
      await send(`${api}/service/${encodeURIComponent(id)}/purge`, jsonCall({ surrogate_keys: keys }, { 'fastly-key': token }, signal))
    }
  }
  if (target === 'cloudflare') {
    return async (keys, signal) => {
      const request = jsonCall({ tags: keys }, { authorization: `Bearer ${token}` }, signal)
      const answer = await send(`${api}/zones/${encodeURIComponent(id)}/purge_cache`, request)
      // Cloudflare may report a failure with status 200.
      if (/"success"\s*:\s*false/.test(answer)) throw new PurgeFault('it answered that the purge failed', false)
    }
  }
  const authorization: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
  return async (keys, signal) => {
    const headers = { 'surrogate-key': keys.join(' '), ...authorization }
    await Promise.all(urls.map(url => send(url, { method: 'PURGE', headers, signal })))
  }
}

function jsonCall(body: object, headers: Record<string, string>, signal: AbortSignal): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'accept': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal,
  }
}

/** Sends one request. @throws PurgeFault whose message contains no secret and no key */
async function send(url: string, request: RequestInit): Promise<string> {
  let response: Response
  let text: string
  try {
    response = await fetch(url, { ...request, redirect: 'manual' })
    text = await response.text()
  }
  catch (error) {
    throw new PurgeFault(reasonOf(error), true)
  }
  if (response.ok) return text
  const { status } = response
  const isPassing = status === 408 || status === 425 || status === 429 || status >= 500
  throw new PurgeFault(`status ${status}`, isPassing, millisecondsOf(response.headers.get('retry-after')))
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer'
  if (error.name === 'TimeoutError') return 'no answer in time'
  const { code } = (error.cause ?? error) as { code?: unknown }
  return typeof code === 'string' ? code : error.name
}

function millisecondsOf(retryAfter: string | null): number | undefined {
  return retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : undefined
}
