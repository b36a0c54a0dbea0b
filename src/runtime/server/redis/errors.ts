import { HttpError } from '../request/errors'

/** Redis cannot serve calls now: the connection is lost, or the breaker is open. Thrown at once, without waiting. */
export class RedisUnavailableError extends HttpError {
  declare readonly code: 'REDIS_UNAVAILABLE'

  constructor(reason: string) {
    super(503, 'REDIS_UNAVAILABLE', `Redis is not available (${withoutFullStop(reason)}).`, { retryAfter: 1 })
    this.name = 'RedisUnavailableError'
  }
}

/** Redis did not answer one call within its budget. */
export class RedisTimeoutError extends HttpError {
  declare readonly code: 'REDIS_TIMEOUT'
  /** The budget that was spent, in milliseconds. */
  readonly budget: number

  constructor(budget: number) {
    super(503, 'REDIS_TIMEOUT', `Redis did not answer within ${budget} ms.`, { retryAfter: 1 })
    this.name = 'RedisTimeoutError'
    this.budget = budget
  }
}

/** Replies that say that the server, not the command, is at fault. */
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
 * Why an error of ioredis means that Redis itself is unreachable or unfit, as a short text without a secret;
 * `undefined` when the error is about the one command (a script error, WRONGTYPE, OOM, a bad argument).
 *
 * It never looks at classes, because ioredis 5 and 6 can be in one process, and it drops the original error
 * object, because ioredis hangs the arguments of the failed command on it: the password, when that was AUTH.
 */
export function connectionFault(error: unknown): string | undefined {
  if (!(error instanceof Error)) {
    return undefined
  }
  const { code, command } = error as Error & { code?: unknown, command?: { name?: unknown } }
  if (typeof code === 'string' && SOCKET_FAULTS.has(code)) {
    return faultText(error)
  }
  const reply = error.message.split(' ', 1)[0]!
  const known = SERVER_FAULTS.has(reply)
    || command?.name === 'auth'
    || command?.name === 'hello'
    || CLIENT_FAULTS.some(text => error.message.startsWith(text))
  return known ? faultText(error) : undefined
}

/** What an error says, in one line and without a secret. */
export function faultText(error: Error): string {
  const { code, reason, lastNodeError } = error as Error & { code?: unknown, reason?: unknown, lastNodeError?: unknown }
  if (typeof code === 'string' && code.startsWith('ERR_SSL_') && typeof reason === 'string') {
    // OpenSSL's message names its source files.
    return reason
  }
  // A Cluster that reached no node has the last node's answer apart.
  const last = lastNodeError instanceof Error ? faultText(lastNodeError) : ''
  const text = error.message.replace(/\s+/g, ' ').trim().replace(/\. Retrying from scratch after \d+ms\.(?: Last error: (.+))?$/, (_, cause?: string) => cause ? `: ${cause}` : '')
  // A host with several addresses that all refuse gives an error without a word.
  return last ? `${withoutFullStop(text)}: ${last}` : text || String(code)
}

/** The end of a fault that ioredis does not tell the cause of: it drops what the sockets to Sentinels and to the nodes of a Cluster say. */
const HIDDEN_CAUSE = /(?:: )?\bConnection is closed\.?$|(?<=^Failed to refresh slots cache)\.?$/

/** True when a fault does not tell its cause. */
export function hidesCause(fault: string): boolean {
  return HIDDEN_CAUSE.test(fault)
}

/** The fault with the cause that it hid. */
export function withCause(fault: string, cause: string): string {
  const known = fault.replace(HIDDEN_CAUSE, '')
  return known ? `${known}: ${cause}` : cause
}

/** True for a reply of a server that was a master and is a replica now: reconnecting finds the new master. */
export function isReadOnlyReply(error: Error): boolean {
  return error.message.startsWith('READONLY')
}

function withoutFullStop(text: string): string {
  return text.replace(/\.+$/, '')
}
