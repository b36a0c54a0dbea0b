/** Why a channel or a connection ended, or an operation failed. */
export interface Fault {
  /** One line without a secret. */
  text: string
  /** The broker's reply code; undefined when it gave none, as when a socket breaks. */
  code?: number
}

/** Reply codes of AMQP that mean something here. */
export const REPLY = {
  SUCCESS: 200,
  CONNECTION_FORCED: 320,
  ACCESS_REFUSED: 403,
  NOT_FOUND: 404,
  RESOURCE_LOCKED: 405,
  PRECONDITION_FAILED: 406,
  INTERNAL_ERROR: 541,
} as const

/** Reads an error of amqplib. Its texts name queues, exchanges and users, and never a password. */
export function faultOf(error: unknown): Fault {
  if (!(error instanceof Error)) return { text: 'the connection was closed' }
  const { code, reason } = error as Error & { code?: unknown, reason?: unknown }
  // OpenSSL's message names its source files.
  if (typeof code === 'string' && code.startsWith('ERR_SSL_') && typeof reason === 'string') return { text: reason }
  const line = error.message.replace(/\s+/g, ' ').trim()
  // The words of the broker come in quotation marks behind those of amqplib. A host with several addresses that all refuse gives no word at all.
  const text = /with message "(.+)"/.exec(line)?.[1] ?? (line || String(code ?? error.name))
  return typeof code === 'number' ? { text, code } : { text }
}

/**
 * True when the same operation may work in a moment: a quorum queue that has no leader yet after a restart answers 404 with its home node, or 541;
 * 320 is an operator or a broker that goes down.
 */
export function isPassing({ code, text }: Fault): boolean {
  return code === REPLY.INTERNAL_ERROR
    || code === REPLY.CONNECTION_FORCED
    || (code === REPLY.NOT_FOUND && /home node|is down or inaccessible/.test(text))
}

/** True when the broker itself ended it for something that was sent, and not because it or the network went away. */
export function blamesClient({ code }: Fault): boolean {
  return code !== undefined && code !== REPLY.CONNECTION_FORCED && code !== REPLY.SUCCESS
}
