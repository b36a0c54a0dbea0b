import { Agent, request } from 'node:http'
import { quantile } from '../bench/support/statistics.ts'

/** Counts of the requests in a period of time, and their results. */
export interface Tally {
  /** Finished requests. */
  ended: number
  /** GET requests that failed: without a response, or with a status of 500 or higher. */
  failedReads: number
  /** Orders that failed in the same way. nginx does not retry them on another server, because the first one may have stored the order. */
  failedOrders: number
  orders: number
  /** Reads that a cache answered. */
  hits: number
  reads: number
  /** Median time in milliseconds; NaN if no request has finished. */
  p50: number
  p99: number
}

/** A stream of requests at a constant rate, even if responses are slow. */
export interface Load {
  /** Returns the counts since the last call. */
  take: () => Tally
  /** Counts since the start. */
  readonly total: Tally
  /** Descriptions of the last failures. */
  readonly failures: readonly string[]
  /** Stops sending requests, and waits for the open responses. */
  stop: () => Promise<void>
}

/** Milliseconds after which a request fails. */
const TIMEOUT = 10_000
/** Milliseconds between two bursts. */
const TICK = 10
/** Maximum number of open requests. If the shop is this slow, more requests would only fill the memory. */
const MOST_UNDER_WAY = 2000
/** One of this number of requests is an order. */
const ORDERS = 50

const regions = ['eu', 'us', 'asia']
const pages = ['/about', '/faq', '/api/offers', '/api/products', '/api/products?page=2', '/api/categories']

/** Starts to send `rate` requests per second to the shop at `url`. */
export function startLoad({ url, rate }: { url: string, rate: number }): Load {
  // keepAlive does not reuse connections that a stopping server has closed.
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const recent = emptyTally()
  const total = emptyTally()
  const times: number[] = []
  const failures: string[] = []
  const underWay = new Set<Promise<void>>()
  const start = performance.now()
  let sent = 0

  function count(change: (tally: Tally) => void): void {
    change(recent)
    change(total)
  }

  async function send(): Promise<void> {
    const number = sent++
    const order = number % ORDERS === 0
    const path = order ? '/api/orders' : number % 3 === 0 ? `/api/products/p${1 + number % 20}` : pages[number % pages.length]!
    const began = performance.now()
    const answer = await ask(new URL(path, url), agent, order ? { userId: `${regions[number % 3]}-1`, productId: `p${1 + number % 20}`, quantity: 1 } : undefined)
    times.push(performance.now() - began)
    const failed = typeof answer === 'string' ? answer : answer.status >= 500 ? `status ${answer.status}` : undefined
    if (failed) {
      failures.push(`${order ? 'POST' : 'GET'} ${path}: ${failed}`)
      if (failures.length > 5) failures.shift()
    }
    count((tally) => {
      tally.ended++
      if (order) {
        tally.orders++
        if (failed) tally.failedOrders++
      }
      else {
        tally.reads++
        if (failed) tally.failedReads++
        else if (typeof answer !== 'string' && answer.hit) tally.hits++
      }
    })
  }

  const timer = setInterval(() => {
    const due = Math.floor((performance.now() - start) / 1000 * rate)
    while (sent < due && underWay.size < MOST_UNDER_WAY) {
      const work: Promise<void> = send().finally(() => underWay.delete(work))
      underWay.add(work)
    }
  }, TICK)

  return {
    total,
    failures,
    take() {
      const taken = { ...recent, p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
      Object.assign(recent, emptyTally())
      times.length = 0
      return taken
    },
    async stop() {
      clearInterval(timer)
      await Promise.all(underWay)
      agent.destroy()
    },
  }
}

function emptyTally(): Tally {
  return { ended: 0, failedReads: 0, failedOrders: 0, orders: 0, hits: 0, reads: 0, p50: Number.NaN, p99: Number.NaN }
}

interface Answer {
  status: number
  /** Whether a cache answered: the one of nginx, or the one of the app. */
  hit: boolean
}

/** Sends a request. Resolves to its response, or to the reason why there is none. */
function ask(url: URL, agent: Agent, body?: object): Promise<Answer | string> {
  return new Promise((resolve) => {
    const text = body && JSON.stringify(body)
    const sent = request(url, {
      agent,
      method: text ? 'POST' : 'GET',
      headers: { accept: 'application/json', ...text && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } },
      signal: AbortSignal.timeout(TIMEOUT),
    }, (response) => {
      response.resume()
      response.once('end', () => resolve({ status: response.statusCode!, hit: /(?:^|,|;)\s*hit(?:$|;|,)/.test([response.headers['cache-status']].flat().join(',')) }))
      response.once('error', error => resolve(error.message))
    })
    sent.once('error', error => resolve(error.message || (error as NodeJS.ErrnoException).code || 'no response'))
    sent.end(text)
  })
}
