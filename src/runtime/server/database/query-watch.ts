import { AsyncLocalStorage } from 'node:async_hooks'
import { callSite } from './call-site'
import { shapeOf, shorten } from './query-shape'
import type { WatchedQuery } from './watched-client'
import { createWatchedClient } from './watched-client'

/** Warns when a request repeats the same query (the N+1 problem). For development only. */
export interface QueryWatch {
  /** Wraps a client so that its queries are counted. Its type does not change. */
  client: <Client>(client: Client) => Client
  /** Wraps a factory so that the queries of its clients are counted. The factory may return promises. */
  factory: <Factory extends (input: never) => unknown>(factory: Factory) => Factory
  /** Wraps a handler so that its queries are counted until it is done. `label` names the request in the log. */
  around: <Event, Result>(
    handler: (event: Event) => Result | Promise<Result>, label: (event: Event) => string,
  ) => (event: Event) => Promise<Result>
}

export interface QueryWatchOptions {
  warn: (sentence: string) => void
  /**
   * Number of queries with the same shape in one request at which the request is logged.
   * @default 5
   */
  atLeast?: number
}

interface Shape {
  text: string
  count: number
  /** The turn of the event loop in which the last query was started. */
  turn: object | undefined
  site: string | undefined
}

/** Prisma combines such queries into one if they are started in the same turn. */
const BATCHED = /\.findUnique(?:OrThrow)?$/

/**
 * Counts the queries of each request.
 *
 * It wraps the client instead of using Prisma's query events. Those have to be enabled in the client, contain neither the call nor
 * the request, and report one `include` as several queries.
 */
export function createQueryWatch({ warn, atLeast = 5 }: QueryWatchOptions): QueryWatch {
  const requests = new AsyncLocalStorage<Map<string, Shape>>()
  let turn: object | undefined

  function currentTurn(): object {
    if (!turn) {
      turn = {}
      process.nextTick(() => turn = undefined)
    }
    return turn
  }

  function count({ operation, args, entry }: WatchedQuery): void {
    const shapes = requests.getStore()
    if (!shapes) return
    const text = `${operation}(${typeof args === 'string' ? args : shapeOf(args)})`
    const shape = shapes.get(text) ?? { text, count: 0, turn: undefined, site: undefined }
    shapes.set(text, shape)
    const now = currentTurn()
    if (BATCHED.test(operation) && shape.turn === now) return
    shape.turn = now
    shape.count++
    // A stack trace is slow, so it is taken once per shape.
    if (shape.count === atLeast) shape.site = callSite(entry)
  }

  function report(label: string, shapes: Iterable<Shape>): void {
    for (const { text, count, site } of shapes) {
      if (count < atLeast) continue
      warn(`${label} ran ${shorten(text)} ${count} times${site ? `, at ${site}` : ''}:`
        + ' load these rows with include in the query before, or all at once with findMany({ where: { …: { in: [ … ] } } }).')
    }
  }

  const client = <Client>(real: Client): Client => createWatchedClient(real, count)
  return {
    client,
    factory: make => Object.assign((input: never) => {
      const made = make(input)
      return made instanceof Promise ? made.then(client) : client(made)
    }, make),
    around: (handler, label) => async (event) => {
      // Queries of an internal request count for the request that made it.
      if (requests.getStore()) return handler(event)
      const shapes = new Map<string, Shape>()
      try {
        return await requests.run(shapes, async () => handler(event))
      }
      finally {
        report(label(event), shapes.values())
      }
    },
  }
}
