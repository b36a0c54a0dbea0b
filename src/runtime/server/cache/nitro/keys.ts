/** The parts of a request target. */
interface RequestTarget {
  path: string
  /** Without the question mark. */
  query: string
}

/** Splits a request target at its first question mark. */
function splitTarget(target: string): RequestTarget {
  const mark = target.indexOf('?')
  return mark === -1 ? { path: target, query: '' } : { path: target.slice(0, mark), query: target.slice(mark + 1) }
}

/** Removes the query parameters that are not in `allowed`. Their order does not change. */
export function filterTarget(target: string, allowed: readonly string[] | undefined): string {
  if (!allowed) return target
  const { path, query } = splitTarget(target)
  const kept = pairsOf(query).filter(pair => allowed.includes(nameOf(pair)))
  return kept.length > 0 ? `${path}?${kept.join('&')}` : path
}

/** The parts of a key, which distinguish the requests to one route. */
export interface RouteKeyParts {
  /** Path and query, as the handler sees them. */
  target: string
  /** The route that matched, such as `/api/products/:id`. */
  route?: string
  /** `base/group/name`, if the options set at least one of them. */
  namespace?: string
  /** Distinguishes definitions with the same route or name. Empty, or begins with `~`. */
  owner: string
  /** The headers of `varies` in the order of their names, with their values; undefined if the request has no such header. */
  varies: readonly (readonly [name: string, value: string | undefined])[]
  /** Build id, for a page. */
  build?: string
  /** Result of the `getKey` option. */
  customKey?: string
}

/**
 * Returns the key of a request:
 * - `route:<path>?<query>`, with the query sorted by name;
 * - with a `getKey` and a name: `route:<name>:<key>`;
 * - with a `getKey` and no name: `route:<matched route>#key=<key>`.
 *
 * The other facts that decide the response (owner, varied headers, build) follow after a `#`, before a custom key.
 *
 * Different parts give different keys: the text before `#` contains no raw `#`. After it, all parts are percent-encoded,
 * except a custom key, which is last.
 */
export function routeKey(parts: RouteKeyParts): string {
  const facts = [
    ...(parts.owner ? [parts.owner] : []),
    ...parts.varies.map(([name, value]) => value === undefined ? encode(name) : `${encode(name)}=${encode(value)}`),
    ...(parts.build ? [`build=${encode(parts.build)}`] : []),
  ]
  if (!parts.customKey) return `route:${canonicalTarget(parts.target)}${suffix(facts)}`
  if (parts.namespace) return `route:${parts.namespace}${suffix(facts)}:${parts.customKey}`
  return `route:${withoutHash(parts.route ?? '')}${suffix([...facts, `key=${parts.customKey}`])}`
}

function suffix(facts: readonly string[]): string {
  return facts.length > 0 ? `#${facts.join(';')}` : ''
}

/** Sorts the query by name. Equal names keep their order, because a handler can see it. */
function canonicalTarget(target: string): string {
  const { path, query } = splitTarget(target)
  const pairs = pairsOf(query)
  if (pairs.length > 1) pairs.sort((left, right) => compare(nameOf(left), nameOf(right)))
  // A target in absolute form does not begin with a slash. The prefix keeps it from looking like a name.
  const start = path.startsWith('/') ? path : `%${path}`
  return withoutHash(pairs.length > 0 ? `${start}?${pairs.join('&')}` : start)
}

function pairsOf(query: string): string[] {
  return query === '' ? [] : query.split('&').filter(Boolean)
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=')
  const name = (equals === -1 ? pair : pair.slice(0, equals)).replaceAll('+', ' ')
  try {
    return decodeURIComponent(name)
  }
  catch {
    return name
  }
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

function withoutHash(text: string): string {
  return text.replaceAll('#', '%23')
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}
