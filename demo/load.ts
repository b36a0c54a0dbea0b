import { Agent, request } from 'node:http'
import { quantile } from '../bench/support/statistics.ts'

/** What was asked of the shop in some stretch of time, and how it went. */
export interface Tally {
  /** Requests that ended. */
  ended: number
  /** GET requests that failed: no answer, or a status of 500 and more. */
  failedReads: number
  /** Orders that failed likewise. They are not tried on another server: nobody knows how far they came. */
  failedOrders: number
  orders: number
  /** Of the reads, those that a cache answered. */
  hits: number
  reads: number
  /** Milliseconds; NaN when nothing has ended. */
  p50: number
  p99: number
}

/** A stream of requests that goes on at its rate however slow the answers are. */
export interface Load {
  /** What has ended since the last call. */
  take: () => Tally
  /** All since the start. */
  readonly total: Tally
  /** The last failures, in words. */
  readonly failures: readonly string[]
  /** Sends no more, and waits for the answers. */
  stop: () => Promise<void>
}

/** Milliseconds after which a request has failed. */
const TIMEOUT = 10_000
/** Milliseconds between two bursts. */
const TICK = 10
/** Requests under way, at most: past it the shop is so slow that more would only fill the memory. */
const MOST_UNDER_WAY = 2000
/** One in so many requests is an order. */
const ORDERS = 50

const regions = ['eu', 'us', 'asia']
const pages = ['/about', '/faq', '/api/offers', '/api/products', '/api/products?page=2', '/api/categories']

/** Begins to send `rate` requests a second to the shop at `url`. */
export function startLoad({ url, rate }: { url: string, rate: number }): Load {
  // A connection that a server closes when it is told to stop is not used again.
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
  /** A cache answered: that of nginx, or that of the app. */
  hit: boolean
}

/** The answer to a request, or why there is none. */
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
    sent.once('error', error => resolve(error.message || (error as NodeJS.ErrnoException).code || 'no answer'))
    sent.end(text)
  })
}
