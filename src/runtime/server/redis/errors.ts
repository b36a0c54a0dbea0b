import { HttpError } from '../request/errors'

/** Thrown at once while Redis is unavailable, because the connection is lost or the breaker is open. */
export class RedisUnavailableError extends HttpError {
  declare readonly code: 'REDIS_UNAVAILABLE'

  constructor(reason: string) {
    super(503, 'REDIS_UNAVAILABLE', `Redis is not available (${withoutFullStop(reason)}).`, { retryAfter: 1 })
    this.name = 'RedisUnavailableError'
  }
}

/** Thrown when Redis does not answer a call within its budget. */
export class RedisTimeoutError extends HttpError {
  declare readonly code: 'REDIS_TIMEOUT'
  /** The budget of the call, in milliseconds. */
  readonly budget: number

  constructor(budget: number) {
    super(503, 'REDIS_TIMEOUT', `Redis did not answer within ${budget} ms.`, { retryAfter: 1 })
    this.name = 'RedisTimeoutError'
    this.budget = budget
  }
}

/** Error replies that are about the server and not about the command. */
const SERVER_FAULTS = new Set(['LOADING', 'CLUSTERDOWN', 'MASTERDOWN', 'READONLY', 'NOAUTH', 'WRONGPASS'])

const CLIENT_FAULTS = [
  'Connection is closed',
  'Stream isn\'t writeable',
  'Cluster isn\'t ready',
  'Cluster is ended',
  'None of startup nodes is available',
  'Failed to refresh slots cache',
  'Too many Cluster redirections',
  'All sentinels are unreachable',
  'Command aborted due to connection close',
  'Reached the max retries per request limit',
  'Ready check failed',
]

const SOCKET_FAULTS = new Set([
  'ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN',
  'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'ENOENT', 'EACCES',
])

/**
 * Returns why an error of ioredis means that Redis cannot be reached or used, as a short string without a secret.
 * Returns `undefined` if the error is about one command only (a script error, WRONGTYPE, OOM, a bad argument).
 *
 * It does not compare classes, because ioredis 5 and 6 can be in one process. It drops the original error object, because
 * ioredis attaches the arguments of the failed command to it, and the argument of AUTH is the password.
 */
export function connectionFault(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, command } = error as Error & { code?: unknown, command?: { name?: unknown } }
  if (typeof code === 'string' && SOCKET_FAULTS.has(code)) return faultText(error)
  const reply = error.message.split(' ', 1)[0]!
  const known = SERVER_FAULTS.has(reply)
    || command?.name === 'auth'
    || command?.name === 'hello'
    || CLIENT_FAULTS.some(text => error.message.startsWith(text))
  return known ? faultText(error) : undefined
}

/** Returns the message of an error in one line and without a secret. */
export function faultText(error: Error): string {
  const { code, reason, lastNodeError } = error as Error & { code?: unknown, reason?: unknown, lastNodeError?: unknown }
  if (typeof code === 'string' && code.startsWith('ERR_SSL_') && typeof reason === 'string') {
    // The message of OpenSSL contains names of its source files.
    return reason
  }
  // A Cluster that reached no node stores the error of the last node in a separate property.
  const last = lastNodeError instanceof Error ? faultText(lastNodeError) : ''
  const text = error.message.replace(/\s+/g, ' ').trim().replace(
    /\. Retrying from scratch after \d+ms\.(?: Last error: (.+))?$/,
    (_, cause?: string) => cause ? `: ${cause}` : '',
  )
  // If a host has several addresses and all of them refuse, the message of the error is empty.
  return last ? `${withoutFullStop(text)}: ${last}` : text || String(code)
}

/** Matches the last part of a message without a cause: ioredis drops the errors of sockets to Sentinels and Cluster nodes. */
const HIDDEN_CAUSE = /(?:: )?\bConnection is closed\.?$|(?<=^Failed to refresh slots cache)\.?$/

/** Returns whether the message of a fault does not contain its cause. */
export function hidesCause(fault: string): boolean {
  return HIDDEN_CAUSE.test(fault)
}

/** Adds the cause to a fault that did not contain it. */
export function withCause(fault: string, cause: string): string {
  const known = fault.replace(HIDDEN_CAUSE, '')
  return known ? `${known}: ${cause}` : cause
}

/** Returns whether the server refused a write because it is now a replica. Reconnecting finds the new master. */
export function isReadOnlyReply(error: Error): boolean {
  return error.message.startsWith('READONLY')
}

function withoutFullStop(text: string): string {
  return text.replace(/\.+$/, '')
}
