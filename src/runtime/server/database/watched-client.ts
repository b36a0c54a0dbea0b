/** A query that the client is about to run. */
export interface WatchedQuery {
  /** Name of the called method, such as `product.findMany` or `$queryRaw`. */
  operation: string
  args: unknown
  /** The function that the app called. */
  entry: (...args: never[]) => unknown
}

type Method = (...args: unknown[]) => unknown

const READS: readonly PropertyKey[] = [
  'findUnique', 'findUniqueOrThrow', 'findFirst', 'findFirstOrThrow', 'findMany', 'count', 'aggregate', 'groupBy',
]
const RAW_READS: readonly PropertyKey[] = ['$queryRaw', '$queryRawUnsafe']

/**
 * Wraps a client so that `onQuery` is called before each read query.
 * The real client runs the queries and its results are returned unchanged, so types, `$transaction` and fluent calls keep working.
 */
export function createWatchedClient<Client>(client: Client, onQuery: (query: WatchedQuery) => void): Client {
  if (typeof client !== 'object' || client === null) return client
  const known = new Map<unknown, unknown>()
  const once = <T>(value: object, make: () => T): T => {
    if (!known.has(value)) known.set(value, make())
    return known.get(value) as T
  }
  return new Proxy(client, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (isModel(value)) return once(value, () => watchModel(value, String(property), onQuery))
      if (typeof value !== 'function' || property === 'constructor') return value
      return once(value, () => watchMethod(target, property, value as Method, onQuery))
    },
  })
}

function watchMethod(client: object, property: PropertyKey, method: Method, onQuery: (query: WatchedQuery) => void): Method {
  if (RAW_READS.includes(property)) {
    return function entry(...args) {
      onQuery({ operation: String(property), args: textOf(args[0]), entry })
      return method.apply(client, args)
    }
  }
  // The clients that `$transaction` and `$extends` return run queries too, so they are also wrapped.
  if (property === '$transaction') {
    const watched = (work: Method) => (inner: unknown) => work(createWatchedClient(inner, onQuery))
    return (work, ...rest) => method.call(client, typeof work === 'function' ? watched(work as Method) : work, ...rest)
  }
  if (property === '$extends') return (...args) => createWatchedClient(method.apply(client, args), onQuery)
  return method.bind(client)
}

function watchModel(model: object, name: string, onQuery: (query: WatchedQuery) => void): object {
  const entries = new Map<PropertyKey, Method>()
  return new Proxy(model, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function' || !READS.includes(property)) return value
      let entry = entries.get(property)
      if (!entry) {
        const made: Method = (...args) => {
          onQuery({ operation: `${name}.${String(property)}`, args: args[0], entry: made })
          return (value as Method).apply(target, args)
        }
        entry = made
        entries.set(property, entry)
      }
      return entry
    },
  })
}

function isModel(value: unknown): value is object {
  return typeof value === 'object' && value !== null && typeof (value as { findMany?: unknown }).findMany === 'function'
}

/** Returns the SQL of a raw query without its values. The query is a template, `Prisma.sql` or a string. */
function textOf(query: unknown): string {
  if (typeof query === 'string') return query
  const strings = Array.isArray(query) ? query : (query as { strings?: unknown } | undefined)?.strings
  return Array.isArray(strings) ? strings.join('?') : ''
}
