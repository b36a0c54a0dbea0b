import { ServerResponse } from 'node:http'

const CHANGE = Symbol('change of the headers')
const WRITE_HEAD = Symbol('writeHead as it was')

/** The standard `writeHead`. Only responses with another one store it in a property. */
const PLAIN: unknown = ServerResponse.prototype.writeHead

type WriteHead = (this: ServerResponse, status: number, ...rest: unknown[]) => ServerResponse
type Watched = ServerResponse & { [CHANGE]?: (response: ServerResponse) => void, [WRITE_HEAD]?: WriteHead }

/**
 * Calls `change` just before the headers of a response are sent, no matter how they were set.
 * Node calls `writeHead` for every response, even if the handler does not call it.
 */
export function beforeHeaders(response: Watched, change: (response: ServerResponse) => void): void {
  const earlier = response[CHANGE]
  response[CHANGE] = earlier ? combine(earlier, change) : change
  if (earlier) return
  const { writeHead: original } = response
  if (original !== PLAIN) response[WRITE_HEAD] = original as WriteHead
  response.writeHead = writeHead as ServerResponse['writeHead']
}

function combine(
  first: (response: ServerResponse) => void,
  second: (response: ServerResponse) => void,
): (response: ServerResponse) => void {
  return (response) => {
    first(response)
    second(response)
  }
}

/** Replacement of `writeHead`. All responses share this function, because a closure for each response would cost more. */
function writeHead(this: Watched, status: number, message?: unknown, headers?: unknown): ServerResponse {
  const original = this[WRITE_HEAD] ?? PLAIN as WriteHead
  this.writeHead = original as ServerResponse['writeHead']
  // Headers in the arguments replace headers that were set before, so set them before `change` reads the headers.
  const given = typeof message === 'object' ? message : headers
  if (typeof given === 'object' && given !== null) setGiven(this, given)
  this.statusCode = status
  this[CHANGE]!(this)
  return typeof message === 'string' ? original.call(this, status, message) : original.call(this, status)
}

function setGiven(response: ServerResponse, given: object): void {
  if (!Array.isArray(given)) {
    for (const [name, value] of Object.entries(given)) {
      if (value !== undefined) response.setHeader(name, value as string)
    }
    return
  }
  const pairs: [string, string][] = Array.isArray(given[0])
    ? given
    : given.flatMap((_, at) => at % 2 === 0 ? [[given[at], given[at + 1]]] : [])
  for (const name of new Set(pairs.map(([name]) => name))) response.removeHeader(name)
  for (const [name, value] of pairs) response.appendHeader(name, value)
}

/** Adds names to `Vary` without duplicates. @param names lower-case names, separated by `, `; `''` adds none */
export function addVary(response: ServerResponse, names: string): void {
  if (names === '') return
  const set = response.getHeader('vary')
  if (set === undefined) {
    response.setHeader('vary', names)
    return
  }
  const present = [set].flat().join(',').split(',').map(name => name.trim().toLowerCase()).filter(Boolean)
  if (present.includes('*')) return
  const missing = names.split(', ').filter(name => !present.includes(name))
  if (missing.length > 0) response.setHeader('vary', [...present, ...missing].join(', '))
}
