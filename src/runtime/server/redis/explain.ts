import { connect } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { faultText } from './errors'
import type { RedisNode } from './address'
import type { RedisTls } from './tls'

/** Milliseconds for one look; the callers wait, each no longer than its own budget. */
const EXPLAIN_TIMEOUT = 500
/** A fleet of nodes under one certificate fails in one way. */
const NODES_ASKED = 3

/**
 * Connects to the first nodes and says why that fails, as a short text without a secret; undefined when it does not.
 *
 * @param signal ends the look at once
 */
export async function explainUnreachable(nodes: readonly RedisNode[], tls: RedisTls | undefined, signal: AbortSignal): Promise<string | undefined> {
  const faults = await Promise.all(nodes.slice(0, NODES_ASKED).map(node => faultOf(node, tls, signal)))
  return faults.find(fault => fault !== undefined)
}

function faultOf({ host, port }: RedisNode, tls: RedisTls | undefined, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = tls ? connectSecurely({ host, port, ...tls }) : connect({ host, port })
    const finish = (fault?: string): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(fault)
    }
    const timer = setTimeout(finish, EXPLAIN_TIMEOUT, undefined)
    signal.addEventListener('abort', () => finish(), { once: true })
    socket.on('error', error => finish(faultText(error)))
    socket.once('data', () => finish())
    socket.once('close', () => finish())
    // That a server wants a certificate is known only when it answers.
    socket.write('PING\r\n')
  })
}
