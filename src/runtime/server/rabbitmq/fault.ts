/** Reason why a channel or connection was closed, or why an operation failed. */
export interface Fault {
  /** Description in one line, without secrets. */
  text: string
  /** AMQP reply code; undefined if the broker sent none, for example when the socket was closed. */
  code?: number
}

/** The AMQP reply codes that this code handles. */
export const REPLY = {
  SUCCESS: 200,
  CONNECTION_FORCED: 320,
  ACCESS_REFUSED: 403,
  NOT_FOUND: 404,
  RESOURCE_LOCKED: 405,
  PRECONDITION_FAILED: 406,
  INTERNAL_ERROR: 541,
} as const

/** Converts an error of amqplib. Its messages may name queues, exchanges and users, but never a password. */
export function faultOf(error: unknown): Fault {
  if (!(error instanceof Error)) return { text: 'the connection was closed' }
  const { code, reason } = error as Error & { code?: unknown, reason?: unknown }
  // The message of an OpenSSL error contains names of its source files, so use only the reason.
  if (typeof code === 'string' && code.startsWith('ERR_SSL_') && typeof reason === 'string') return { text: reason }
  const line = error.message.replace(/\s+/g, ' ').trim()
  // amqplib quotes the message of the broker at the end of its own. If all addresses of a host refuse the connection, the message
  // is empty.
  const text = /with message "(.+)"/.exec(line)?.[1] ?? (line || String(code ?? error.name))
  return typeof code === 'number' ? { text, code } : { text }
}

/**
 * Whether the same operation may succeed if it is retried soon. After a restart, a quorum queue without a leader answers 404 with
 * its home node, or 541. Code 320 means that the broker shuts down or an operator closed the connection.
 */
export function isPassing({ code, text }: Fault): boolean {
  return code === REPLY.INTERNAL_ERROR
    || code === REPLY.CONNECTION_FORCED
    || (code === REPLY.NOT_FOUND && /home node|is down or inaccessible/.test(text))
}

/**
 * Whether the broker closed the channel or connection because of something that the client sent, not because of a shutdown or the
 * network.
 */
export function blamesClient({ code }: Fault): boolean {
  return code !== undefined && code !== REPLY.CONNECTION_FORCED && code !== REPLY.SUCCESS
}
