/** A request target, split. */
export interface RequestTarget {
  path: string
  /** Without the question mark. */
  query: string
}

/** Splits a request target at its first question mark. */
export function splitTarget(target: string): RequestTarget {
  const mark = target.indexOf('?')
  return mark === -1 ? { path: target, query: '' } : { path: target.slice(0, mark), query: target.slice(mark + 1) }
}

/** The target without the query names outside `allowed`, in its own order. */
export function filterTarget(target: string, allowed: readonly string[] | undefined): string {
  if (!allowed) return target
  const { path, query } = splitTarget(target)
  const kept = pairsOf(query).filter(pair => allowed.includes(nameOf(pair)))
  return kept.length > 0 ? `${path}?${kept.join('&')}` : path
}

/** What tells requests to one route apart. */
export interface RouteKeyParts {
  /** Path and query as the handler sees them. */
  target: string
  /** The route that matched, such as `/api/products/:id`. */
  route?: string
  /** `base/group/name` where the user set one. */
  namespace?: string
  /** Tells definitions apart that share a route or a name; begins with `~`. */
  owner: string
  /** Value of every varied header, in the order of their names; undefined where the request has none. */
  varies: readonly (readonly [name: string, value: string | undefined])[]
  /** Build of a page. */
  build?: string
  /** What the user's `getKey` returned. */
  customKey?: string
}

/**
 * The key of a request:
 * - `route:<path>?<query>`, the query sorted by name;
 * - with a `getKey` and a name `route:<name>:<key>`, without a name `route:<matched route>#key=<key>`;
 * - each followed (a custom key: preceded) by what else decides the response, after a `#`.
 *
 * Injective: in front of `#` no part holds a raw `#`, behind it everything but a custom key is percent-encoded, and that one is last.
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

/** Sorted by name; the order of equal names stays, since a handler sees it. */
function canonicalTarget(target: string): string {
  const { path, query } = splitTarget(target)
  const pairs = pairsOf(query)
  if (pairs.length > 1) pairs.sort((left, right) => compare(nameOf(left), nameOf(right)))
  // A target that is no path (absolute form) must not look like a name.
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
