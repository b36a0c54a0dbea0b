/** Response headers by lower-case name. */
export type ResponseHeaders = Record<string, string | string[]>

const PERSONAL = /(?:^|[\s,])(?:private|no-store|no-cache)(?:$|[\s,=])/i

/** Headers of `Vary` that do not concern this cache: compression happens behind it. */
const ignoredInVary = new Set(['', 'accept-encoding'])

/** Whether this one header makes a response personal, so that the load can say so before the body is there. */
export function isPersonalHeader(name: string, value: string | string[]): boolean {
  if (name === 'set-cookie') return true
  return name === 'cache-control' && PERSONAL.test(String(value))
}

/** Whether a response may be stored: below 400, not personal, and varying on nothing but `varies` (lower-case names). */
export function isCacheable(status: number, headers: ResponseHeaders, varies: readonly string[]): boolean {
  if (status >= 400) return false
  if (Object.entries(headers).some(([name, value]) => isPersonalHeader(name, value))) return false
  return listOf(headers.vary).every(name => ignoredInVary.has(name) || varies.includes(name))
}

/** One `Vary` out of those that were set, and `varies`. Undefined when that is nothing. */
export function mergeVary(set: readonly unknown[], varies: readonly string[]): string | undefined {
  const given = set.filter(vary => vary !== undefined).join(',')
  const names = new Set([...listOf(given), ...varies].filter(Boolean))
  return names.size > 0 ? [...names].join(', ') : undefined
}

function listOf(header: string | string[] | undefined): string[] {
  return header === undefined ? [] : String(header).split(',').map(name => name.trim().toLowerCase())
}
