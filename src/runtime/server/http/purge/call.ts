import type { HttpPurgeSettings } from './settings'

/** What one call may carry. */
export interface CallLimits {
  keys: number
  /** Of all keys, with one character between two. */
  bytes: number
}

/** One call of a CDN: the keys, and when to give up. */
export type PurgeCall = (keys: readonly string[], signal: AbortSignal) => Promise<void>

/** Why a call did not purge. */
export class PurgeFault extends Error {
  /** Sent again the same call could succeed. */
  readonly isPassing: boolean
  /** Milliseconds that the CDN asked to wait for. */
  readonly retryAfter: number | undefined

  constructor(message: string, isPassing: boolean, retryAfter?: number) {
    super(message)
    this.name = 'PurgeFault'
    this.isPassing = isPassing
    this.retryAfter = retryAfter
  }
}

/** Fastly takes 256 keys a call, Cloudflare 100. Varnish and proxies on the way read headers up to 8 KB. */
export function limitsOf({ target }: Pick<HttpPurgeSettings, 'target'>): CallLimits {
  if (target === 'fastly') return { keys: 256, bytes: 256 * 1024 }
  if (target === 'cloudflare') return { keys: 100, bytes: 100 * 1024 }
  return { keys: 100, bytes: 4000 }
}

/** The call that purges keys at a CDN. */
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
      const answer = await send(`${api}/zones/${encodeURIComponent(id)}/purge_cache`, jsonCall({ tags: keys }, { authorization: `Bearer ${token}` }, signal))
      // It may say so with status 200.
      if (/"success"\s*:\s*false/.test(answer)) throw new PurgeFault('it answered that it did not succeed', false)
    }
  }
  const authorization: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
  return async (keys, signal) => {
    const headers = { 'surrogate-key': keys.join(' '), ...authorization }
    await Promise.all(urls.map(url => send(url, { method: 'PURGE', headers, signal })))
  }
}

function jsonCall(body: object, headers: Record<string, string>, signal: AbortSignal): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json', 'accept': 'application/json', ...headers }, body: JSON.stringify(body), signal }
}

/** @throws PurgeFault without a secret and without the keys */
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
  throw new PurgeFault(`status ${status}`, status === 408 || status === 425 || status === 429 || status >= 500, secondsOf(response.headers.get('retry-after')))
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer'
  if (error.name === 'TimeoutError') return 'no answer in time'
  const { code } = (error.cause ?? error) as { code?: unknown }
  return typeof code === 'string' ? code : error.name
}

function secondsOf(retryAfter: string | null): number | undefined {
  return retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : undefined
}
