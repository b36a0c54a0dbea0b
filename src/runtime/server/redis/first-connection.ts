import { connect } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import type { Clock } from '../core/clock'
import { faultText } from './errors'
import type { RedisNode } from './address'
import type { RedisTls } from './tls'

/** The wait for the first attempt of a new client to connect. */
export interface FirstConnection {
  /** Resolves when the first attempt has succeeded or failed; undefined after that. */
  readonly pending: Promise<void> | undefined
  /** Reports that the first attempt has succeeded or failed. Idempotent. */
  end: () => void
}

/**
 * Starts to wait for the first connection.
 *
 * @param limit milliseconds after which `expired` is called, unless the attempt has succeeded or failed before
 * @param expired must call `end`
 */
export function awaitFirstConnection(
  limit: number,
  expired: () => void,
  clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>,
): FirstConnection {
  let resolvePending!: () => void
  let pending: Promise<void> | undefined = new Promise<void>((resolve) => {
    resolvePending = resolve
  })
  const timer = clock.setTimeout(expired, limit)
  return {
    get pending() {
      return pending
    },
    end() {
      if (pending) {
        clock.clearTimeout(timer)
        pending = undefined
        resolvePending()
      }
    },
  }
}

/** Milliseconds for one attempt. Callers wait meanwhile, each no longer than its own budget. */
const EXPLAIN_TIMEOUT = 500
/** A few nodes are enough: nodes with the same certificate fail for the same reason. */
const NODES_ASKED = 3

/**
 * Connects to the first nodes and returns why that fails, as a short string without a secret.
 *
 * @param signal stops the attempts at once
 * @returns undefined if no connection fails
 */
export async function explainUnreachable(
  nodes: readonly RedisNode[], tls: RedisTls | undefined, signal: AbortSignal,
): Promise<string | undefined> {
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
    // A server reports that it requires a client certificate only when it answers, so send a command.
    socket.write('PING\r\n')
  })
}
