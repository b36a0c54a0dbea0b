import { AsyncLocalStorage } from 'node:async_hooks'
import { callSite } from './call-site'
import { shapeOf, shorten } from './query-shape'
import type { WatchedQuery } from './watched-client'
import { watchClient } from './watched-client'

/** Says when a request asks the same thing over and over. For development only. */
export interface QueryWatch {
  /** The client, watched. Its type does not change. */
  client: <Client>(client: Client) => Client
  /** A factory whose clients are watched, or its promises of them. */
  factory: <Factory extends (input: never) => unknown>(factory: Factory) => Factory
  /** A handler whose queries are counted until it is done. `label` names the request. */
  around: <Event, Result>(handler: (event: Event) => Result | Promise<Result>, label: (event: Event) => string) => (event: Event) => Promise<Result>
}

export interface QueryWatchOptions {
  warn: (sentence: string) => void
  /**
   * How often a query of one shape may be asked in a request before it is said.
   * @default 5
   */
  atLeast?: number
}

interface Shape {
  text: string
  count: number
  /** The turn of the event loop in which it was asked last. */
  turn: object | undefined
  site: string | undefined
}

/** Prisma makes one query of those that are started in the same turn. */
const BATCHED = /\.findUnique(?:OrThrow)?$/

/**
 * Counts what each request asks. It stands in front of the client instead of listening to its query events: those need a client
 * that was made with them, carry neither the call nor the request, and show one `include` as several queries.
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
    // A stack is dear, so only one is taken.
    if (shape.count === atLeast) shape.site = callSite(entry)
  }

  function report(label: string, shapes: Iterable<Shape>): void {
    for (const { text, count, site } of shapes) {
      if (count < atLeast) continue
      warn(`${label} asked ${shorten(text)} ${count} times${site ? `, at ${site}` : ''}: read it with the rows it belongs to (include), or all at once with findMany({ where: { …: { in: [ … ] } } }).`)
    }
  }

  const client = <Client>(real: Client): Client => watchClient(real, count)
  return {
    client,
    factory: make => Object.assign((input: never) => {
      const made = make(input)
      return made instanceof Promise ? made.then(client) : client(made)
    }, make),
    around: (handler, label) => async (event) => {
      // A request of the server to itself is part of the one that made it.
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
