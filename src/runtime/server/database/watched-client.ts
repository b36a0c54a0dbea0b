/** A query that is about to be asked. */
export interface WatchedQuery {
  /** `product.findMany`, `$queryRaw`. */
  operation: string
  args: unknown
  /** The function that the app called. */
  entry: (...args: never[]) => unknown
}

type Method = (...args: unknown[]) => unknown

const READS: readonly PropertyKey[] = ['findUnique', 'findUniqueOrThrow', 'findFirst', 'findFirstOrThrow', 'findMany', 'count', 'aggregate', 'groupBy']
const RAW_READS: readonly PropertyKey[] = ['$queryRaw', '$queryRawUnsafe']

/**
 * A client that says what it is asked. Queries are started by the real client and come back as they are, so types, `$transaction`
 * and what hangs from a query stay what they were.
 */
export function watchClient<Client>(client: Client, onQuery: (query: WatchedQuery) => void): Client {
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
  // What a transaction or an extension hands out asks queries as well.
  if (property === '$transaction') {
    return (work, ...rest) => method.call(client, typeof work === 'function' ? (inner: unknown) => (work as Method)(watchClient(inner, onQuery)) : work, ...rest)
  }
  if (property === '$extends') return (...args) => watchClient(method.apply(client, args), onQuery)
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

/** The text of a raw query without its values: a template, `Prisma.sql`, or the text itself. */
function textOf(query: unknown): string {
  if (typeof query === 'string') return query
  const strings = Array.isArray(query) ? query : (query as { strings?: unknown } | undefined)?.strings
  return Array.isArray(strings) ? strings.join('?') : ''
}
