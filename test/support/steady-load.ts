import { Agent, request } from 'node:http'

/** What became of the requests of one kind. */
interface LoadCount {
  sent: number
  /** Those that were not answered with 200 and the whole body, by what happened instead. */
  failed: Record<string, number>
}

/** One request, and what its answer must be. */
export interface LoadRequest {
  method?: string
  path: string
  body?: string
  /** Length of the answer. */
  length: number
}

/** Requests at a steady rate, whether or not earlier ones have been answered: a slow server gets no fewer. */
export interface SteadyLoad {
  /** Ends it; resolves when the last request has been answered. */
  stop: () => Promise<LoadCount>
}

/**
 * Begins to send requests, and tries none of them again.
 *
 * @param perSecond how many
 * @param next makes the request of a number
 * @param portOf where it goes to
 */
export function startSteadyLoad(perSecond: number, next: (index: number) => LoadRequest, portOf: (index: number) => number): SteadyLoad {
  const agent = new Agent({ keepAlive: true })
  const count: LoadCount = { sent: 0, failed: {} }
  const pending = new Set<Promise<void>>()
  const begin = performance.now()
  const fail = (reason: string) => {
    count.failed[reason] = (count.failed[reason] ?? 0) + 1
  }

  const send = ({ method = 'GET', path, body, length }: LoadRequest, port: number) => new Promise<void>((resolve) => {
    const done = (reason?: string) => {
      if (reason) fail(reason)
      resolve()
    }
    const sent = request({ host: '127.0.0.1', port, path, method, agent, timeout: 10_000, headers: body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length } }, (response) => {
      let received = 0
      response.on('data', (chunk: Buffer) => {
        received += chunk.length
      })
      response.on('error', () => done('answer broken off'))
      response.on('end', () => done(response.statusCode !== 200 ? `status ${response.statusCode}` : received !== length ? `${received} bytes instead of ${length}` : undefined))
    })
    sent.on('timeout', () => sent.destroy(Object.assign(new Error('late'), { code: 'no answer' })))
    sent.on('error', (error: NodeJS.ErrnoException) => done(`${error.code}${sent.reusedSocket ? ' on a kept connection' : ''}`))
    sent.end(body)
  })

  const timer = setInterval(() => {
    const due = Math.floor((performance.now() - begin) / 1000 * perSecond)
    while (count.sent < due) {
      const index = count.sent++
      const answered: Promise<void> = send(next(index), portOf(index)).finally(() => pending.delete(answered))
      pending.add(answered)
    }
  }, 5)

  return {
    async stop() {
      clearInterval(timer)
      await Promise.all(pending)
      agent.destroy()
      return count
    },
  }
}
