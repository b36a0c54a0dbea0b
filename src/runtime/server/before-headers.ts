import type { ServerResponse } from 'node:http'

/**
 * Calls `change` at the last moment before the headers of a response are sent, whoever set them and however.
 * Node comes by `writeHead` for every response, also for those whose handler never calls it.
 */
export function beforeHeaders(response: ServerResponse, change: (response: ServerResponse) => void): void {
  const writeHead = response.writeHead
  response.writeHead = function (this: ServerResponse, status: number, ...rest: unknown[]) {
    this.writeHead = writeHead
    const given = rest.find(part => typeof part === 'object' && part !== null)
    // Headers handed over here replace what was set, so they must be set before anybody looks.
    if (given !== undefined) setGiven(this, given)
    this.statusCode = status
    change(this)
    const message = typeof rest[0] === 'string' ? [rest[0]] : []
    return (writeHead as (...args: unknown[]) => ServerResponse).call(this, status, ...message)
  } as ServerResponse['writeHead']
}

function setGiven(response: ServerResponse, given: object): void {
  if (!Array.isArray(given)) {
    for (const [name, value] of Object.entries(given)) {
      if (value !== undefined) response.setHeader(name, value as string)
    }
    return
  }
  const pairs: [string, string][] = Array.isArray(given[0]) ? given : given.flatMap((_, at) => at % 2 === 0 ? [[given[at], given[at + 1]]] : [])
  for (const name of new Set(pairs.map(([name]) => name))) response.removeHeader(name)
  for (const [name, value] of pairs) response.appendHeader(name, value)
}

/** Adds names to `Vary`, each once. */
export function addVary(response: ServerResponse, names: readonly string[]): void {
  const present = [response.getHeader('vary') ?? []].flat().join(',').split(',').map(name => name.trim().toLowerCase()).filter(Boolean)
  if (present.includes('*')) return
  const missing = names.filter(name => !present.includes(name))
  if (missing.length > 0) response.setHeader('vary', [...present, ...missing].join(', '))
}
