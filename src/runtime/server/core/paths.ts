/**
 * How the module compares paths. Three routers interpret the path of a request, each in its own way: h3 decodes it, the router of
 * API routes ignores one trailing slash, and the router of pages also ignores case. If a rule compared the raw path,
 * clients could bypass the rule by encoding the path differently. All rules therefore compare the result of {@link readPath}.
 */

/**
 * A path as the routers interpret it: one string if all of them agree.
 *
 * It is a list if they may not agree, because the path has an encoded slash, a doubled slash, a dot segment, a backslash, a NUL,
 * a double encoding or an invalid percent sequence. Then the strictest rule of all these readings applies.
 */
export type PathReadings = string | readonly string[]

/** Options of {@link compilePathRules}. */
export interface PathRuleOptions<Rule, Context> {
  /**
   * Chooses between the rules of two readings of one path. `undefined` is a reading without a rule.
   *
   * @param context value that the caller passed with the path, such as the method of the request
   */
  stricter: (one: Rule | undefined, other: Rule | undefined, context: Context) => Rule | undefined
  /**
   * Returns whether a page answers this path, which includes the base. Patterns ignore case for pages, as their router does.
   * They do not ignore case for API routes.
   * @default () => false
   */
  isPage?: (path: string) => boolean
  /**
   * The base of the app (`app.baseURL`) without a trailing slash, if the patterns do not include it.
   * @default ''
   */
  base?: string
}

/** Options of {@link compilePathPatterns}. */
export interface PathPatternOptions extends Pick<PathRuleOptions<true, unknown>, 'isPage' | 'base'> {
  /** Which readings of a path must match. Use `'any'` if a match makes the app stricter, and `'every'` if a match makes it less strict. */
  match: 'any' | 'every'
}

/**
 * Creates a function that finds the rule of a path.
 *
 * The most specific pattern applies: a pattern without a star, then the one with the longest part before `*`,
 * then the one with the longest part before `/**`. Nitro's route rules have the same order, but here several rules are not merged.
 * The time of a look-up is proportional to the length of the path.
 *
 * @param rules rules by pattern; `false` exempts the paths of its pattern
 * @param option path of the option, for errors
 * @returns a function that returns the rule of a path, or undefined if the path has no rule or the rule `false`
 * @throws TypeError for a pattern that Nitro's route rules do not support, or that no path can match
 */
export function compilePathRules<Rule, Context = void>(
  rules: ReadonlyMap<string, Rule | false>, option: string, { stricter, isPage = () => false, base = '' }: PathRuleOptions<Rule, Context>,
): (path: PathReadings, context: Context) => Rule | undefined {
  if (rules.size === 0) return () => undefined
  const patterns = [...rules].map(([pattern, rule]) => ({ pattern: parsePattern(pattern, option), rule }))
  const hasCapitals = patterns.some(({ pattern }) => CAPITAL.test(pattern))
  const exact = createTable<Rule>()
  const ofPages = createTable<Rule>()
  for (const { pattern, rule } of patterns) {
    insert(exact, pattern, rule)
    if (pattern.includes('*') || isPage(base + pattern)) insert(ofPages, foldCase(pattern), rule)
  }

  function ruleOf(path: string, context: Context): Rule | undefined {
    const own = withoutBase(path, base)
    const rule = find(exact, own) || undefined
    if (!hasCapitals && !CAPITAL.test(own)) return rule
    const lower = foldCase(own)
    const ruleOfPage = find(ofPages, lower) || undefined
    if (rule === ruleOfPage || !isPage(path)) return rule
    // In lower case, the path may belong to a route or a file. The rule of that route must not replace a stricter rule of this page.
    return isPage(base + lower) ? ruleOfPage : stricter(rule, ruleOfPage, context)
  }

  return (path, context) => typeof path === 'string'
    ? ruleOf(path, context)
    : path.map(reading => ruleOf(reading, context)).reduce((one, other) => one === other ? one : stricter(one, other, context))
}

/**
 * Creates a function that returns whether a path matches one of the patterns. `*` and `:name` match one part between slashes,
 * and a final `/**` matches the path itself and everything below it.
 *
 * @throws TypeError naming `option` and the pattern that is wrong
 */
export function compilePathPatterns(
  patterns: readonly string[], option: string, { match, ...options }: PathPatternOptions,
): (path: PathReadings) => boolean {
  const stricter = match === 'any' ? (one?: true, other?: true) => one ?? other : (one?: true, other?: true) => one && other
  const find = compilePathRules<true>(new Map(patterns.map(pattern => [pattern, true])), option, { ...options, stricter })
  return path => find(path) !== undefined
}

/** Validates patterns. @throws TypeError naming `option` and the pattern that is wrong */
export function checkPathPatterns(patterns: readonly string[], option: string): readonly string[] {
  for (const pattern of patterns) parsePattern(pattern, option)
  return patterns
}

/** Returns the raw path of a request target, without its query. Use it for logs only: rules compare the result of {@link readPath}. */
export function pathOf(target: string): string {
  const end = target.indexOf('?')
  return end === -1 ? target : target.slice(0, end)
}

let lastTarget = '/'
let lastReadings: PathReadings = '/'

/**
 * Reads the path of a request target: percent-decoded, without the query and without a trailing slash.
 * A common path costs one scan and no copy.
 *
 * @param target request target as the client sent it, with the query
 */
export function readPath(target: string): PathReadings {
  // Several features read the path of one request in turn. Comparing a string with itself costs nothing.
  if (target !== lastTarget) {
    lastReadings = ordinaryPath(target) ?? readingsOf(target)
    lastTarget = target
  }
  return lastReadings
}

/**
 * Normalizes the percent-encoding of a request target: all encodings that h3 decodes to the same path get the same result.
 * Slashes and case stay unchanged, because handlers can see them. A path that cannot be decoded stays unchanged too.
 */
export function encodeTarget(target: string): string {
  const path = pathOf(target)
  if (/^[\w\-.~!$&'()*+,;=:@/]*$/.test(path)) return target
  const decoded = decode(keepEncoded(path))
  if (decoded === undefined || !decoded.isWellFormed()) return target
  return encodeURI(decoded).replaceAll('%25', '%').replaceAll('#', '%23') + target.slice(path.length)
}

/** Capital letters of ASCII. The router of pages compares percent-encoded paths, so it ignores the case of these letters only. */
const CAPITAL = /[A-Z]/

function foldCase(path: string): string {
  return path.replace(/[!-~]+/g, run => run.toLowerCase())
}

function withoutBase(path: string, base: string): string {
  if (base === '' || !path.startsWith(base)) return path
  if (path.length === base.length) return '/'
  return path.charCodeAt(base.length) === SLASH ? path.slice(base.length) : path
}

const [SLASH, DOT, QUESTION_MARK] = [0x2F, 0x2E, 0x3F]

/** By ASCII code: 1 for each character that no router decodes, replaces or stops at. */
const PLAIN = Uint8Array.from(
  { length: 128 },
  (_, code) => Number(code > 0x20 && code < 0x7F && !'%\\#'.includes(String.fromCharCode(code))),
)

/** Returns the path if all routers use it unchanged, else undefined. */
function ordinaryPath(target: string): string | undefined {
  if (target.charCodeAt(0) !== SLASH) return undefined
  let before = 0
  let end = 0
  for (; end < target.length; end++) {
    const code = target.charCodeAt(end)
    if (code === QUESTION_MARK) break
    if (PLAIN[code] !== 1 || ((code === SLASH || code === DOT) && before === SLASH)) return undefined
    before = code
  }
  if (before === SLASH && end > 1) return undefined
  const path = end === target.length ? target : target.slice(0, end)
  return isPayload(path) ? undefined : path
}

/** Matches parts of a decoded path on which the routers may not agree. Some of them stop at a NUL. */
const AMBIGUOUS = /[%\\#\0]|\/\.{0,2}\/|.\/\.{0,2}$|^\/\.{1,2}$/

/** Payload files of Nuxt: the response is the data of the page whose path precedes them. */
const PAYLOAD = ['/_payload.json', '/_payload.js'] as const

function isPayload(path: string): boolean {
  return path.endsWith(PAYLOAD[0]) || path.endsWith(PAYLOAD[1])
}

/** Largest number of decodings. A path that is encoded more often reaches no route. */
const MOST_DECODINGS = 3

function readingsOf(target: string): PathReadings {
  const path = pathOf(target)
  const first = routed(path)
  if (!AMBIGUOUS.test(first) && !isPayload(first)) return first
  const readings = new Set([first])
  let text = path
  for (let round = 0; round < MOST_DECODINGS; round++) {
    const decoded = decodeLeniently(text)
    if (round > 0 && decoded === text) break
    text = decoded
    const plain = cut(text.replaceAll('\\', '/'))
    readings.add(resolve(plain))
    const rest = withoutAuthority(plain)
    if (rest !== plain) readings.add(resolve(rest))
  }
  for (const reading of [...readings]) {
    const file = PAYLOAD.find(name => reading.endsWith(name))
    if (file !== undefined) readings.add(withoutSlashAtEnd(reading.slice(0, -file.length)))
  }
  return readings.size === 1 ? readings.values().next().value! : [...readings]
}

/** Returns the path as the router of h3 sees it. @see h3 1.x: `matchHandler`; radix3: `normalizeTrailingSlash` */
function routed(path: string): string {
  const encoded = keepEncoded(path)
  const found = withoutSlashAtEnd(pathOf(decode(encoded) ?? encoded))
  return found.startsWith('/') ? found : `/${found}`
}

/** Protects slashes and percent signs, which h3 does not decode. @see h3 1.x: `_decodePath` */
function keepEncoded(path: string): string {
  return path.replaceAll('%25', '%2525').replace(/%2f/gi, '%252F')
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  }
  catch {
    return undefined
  }
}

/** Decodes each valid percent sequence, and ignores invalid ones. */
function decodeLeniently(text: string): string {
  return text.replace(/(?:%[\da-f]{2})+/gi, run => decode(run)
    ?? run.replace(/%([0-7][\da-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))))
}

/** Cuts the path where a router would stop: at a query, a fragment or a NUL. */
function cut(path: string): string {
  const end = path.search(/[?#\0]/)
  return end === -1 ? path : path.slice(0, end)
}

/** Removes scheme and host from an absolute or protocol-relative URL, as Nitro does when it looks for public files. */
function withoutAuthority(path: string): string {
  const head = /^(?:[a-z][\w+.-]*:)?\/\/[^/]*/i.exec(path)
  return head ? path.slice(head[0].length) : path
}

/** Merges repeated slashes, and removes dot segments (RFC 3986 §5.2.4) and the trailing slash. */
function resolve(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

function withoutSlashAtEnd(path: string): string {
  return (path.endsWith('/') ? path.slice(0, -1) : path) || '/'
}

/**
 * Converts a pattern to the form of the paths that it is compared with.
 *
 * @throws TypeError naming `option` and the pattern
 */
function parsePattern(pattern: string, option: string): string {
  const refuse = (advice: string) => new TypeError(`${option} contains the pattern ${JSON.stringify(pattern)}: ${advice}.`)
  if (typeof pattern !== 'string' || !pattern.startsWith('/')) throw refuse('write a path that begins with /, such as \'/public/**\'')
  const isTree = pattern.endsWith('/**')
  const parts = (isTree ? pattern.slice(0, -3) : pattern).split('/')
  if (parts.some(part => part.includes('**'))) throw refuse('** can only be the last part, as in Nitro\'s route rules')
  if (parts.some(part => part.includes('*') && part !== '*')) {
    throw refuse('* must be a whole part between slashes, as in Nitro\'s route rules')
  }
  const path = parts.map(part => isPlaceholder(part) ? '*' : part).join('/')
  const read = readPath(path || '/')
  if (typeof read !== 'string' || /[?#]|%2a/i.test(pattern)) {
    throw refuse('write a path without ?, #, backslashes, encoded slashes, doubled slashes and dot segments, because these are ambiguous')
  }
  return isTree ? `${read === '/' ? '' : read}/**` : read
}

function isPlaceholder(part: string): boolean {
  return part === '*' || (part.length > 1 && part.startsWith(':'))
}

/** Rules by pattern, in the order of Nitro's route rules. @see radix3: `toRouteMatcher` */
interface Table<Rule> {
  /** Rules of patterns without a star. */
  paths: Map<string, Rule | false>
  /** Patterns with `*`: the text before `*`, and a table for the text after it. The longest `before` comes first. */
  parts: { before: string, after: Table<Rule> }[]
  /** Patterns with a final `/**`: the text before it. The longest comes first. */
  trees: { before: string, rule: Rule | false }[]
}

function createTable<Rule>(): Table<Rule> {
  return { paths: new Map(), parts: [], trees: [] }
}

function insert<Rule>(table: Table<Rule>, pattern: string, rule: Rule | false): void {
  const star = pattern.search(/\/\*(?:\/|$)/)
  if (star !== -1) {
    const before = pattern.slice(0, star)
    let entry = table.parts.find(part => part.before === before)
    if (!entry) table.parts.push(entry = { before, after: createTable() })
    table.parts.sort(longestFirst)
    insert(entry.after, pattern.slice(star + 2) || '/', rule)
  }
  else if (pattern.endsWith('/**')) {
    const before = pattern.slice(0, -3)
    table.trees = [...table.trees.filter(tree => tree.before !== before), { before, rule }].sort(longestFirst)
  }
  else {
    table.paths.set(pattern, rule)
  }
}

function longestFirst(one: { before: string }, other: { before: string }): number {
  return other.before.length - one.before.length
}

/** @param path path without a trailing slash */
function find<Rule>(table: Table<Rule>, path: string): Rule | false | undefined {
  const rule = table.paths.get(path)
  if (rule !== undefined) return rule
  for (const { before, after } of table.parts) {
    if (path.charCodeAt(before.length) !== SLASH || !path.startsWith(before)) continue
    const end = path.indexOf('/', before.length + 1)
    const found = find(after, end === -1 ? '/' : path.slice(end))
    if (found !== undefined) return found
  }
  for (const { before, rule } of table.trees) {
    if (path.startsWith(before) && (path.length === before.length || path.charCodeAt(before.length) === SLASH)) return rule
  }
  return undefined
}
