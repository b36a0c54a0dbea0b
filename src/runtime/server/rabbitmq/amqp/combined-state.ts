import type { BrokerLog, BrokerState } from '../broker'

type Role = 'publishing' | 'consuming'

/** Combined state of the publishing and the consuming connection. It logs each outage and each recovery in one line. */
export interface CombinedState {
  readonly state: BrokerState
  /** The hosts, without user and password. */
  readonly address: string
  /** Reason of the last change, in parentheses to append it to a sentence; empty if there is none. */
  readonly because: string
  opened: (role: Role, host: string) => void
  lost: (role: Role, reason: string) => void
  block: (blocked: boolean, reason: string) => void
  close: () => void
  /** Resolves when both connections are open. Rejects when they are closed for good. */
  whenConnected: () => Promise<undefined>
  listen: (listener: (state: BrokerState, reason: string) => void) => () => void
}

const closedError = () => new Error('The connection to RabbitMQ is closed.')

/**
 * Creates the combined state of the two connections.
 *
 * @param address the hosts, without user and password
 */
export function createCombinedState(address: string, log: BrokerLog): CombinedState {
  const open = new Set<Role>()
  const listeners = new Set<(state: BrokerState, reason: string) => void>()
  let blocked = false
  let closed = false
  let waiting: PromiseWithResolvers<undefined> | undefined
  let reason = ''
  let state: BrokerState = 'connecting'
  const logChange = createStateLog(address, log)

  function update(): void {
    const next = closed ? 'closed' : open.size < 2 ? 'connecting' : blocked ? 'blocked' : 'connected'
    logChange(state, next, reason)
    if (next === state) return
    state = next
    if (state !== 'connecting') {
      if (closed) waiting?.reject(closedError())
      else waiting?.resolve(undefined)
      waiting = undefined
    }
    for (const listener of [...listeners]) {
      try {
        listener(state, reason)
      }
      catch (error) {
        log.warn(`A listener for the state of RabbitMQ failed: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }

  function listen(listener: (state: BrokerState, reason: string) => void): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  return {
    address,
    get state() {
      return state
    },
    get because() {
      return reason && ` (${reason})`
    },
    opened(role, host) {
      open.add(role)
      if (open.size === 2) reason = `connected to ${host}`
      update()
    },
    lost(role, why) {
      open.delete(role)
      if (role === 'publishing') blocked = false
      reason = why
      update()
    },
    block(next, why) {
      blocked = next
      reason = next ? why : 'no longer blocked'
      update()
    },
    close() {
      closed = true
      reason = 'closed'
      update()
      listeners.clear()
    },
    whenConnected() {
      if (closed) return Promise.reject(closedError())
      waiting ??= Promise.withResolvers()
      return waiting.promise
    },
    listen,
  }
}

/** Returns a function that logs each outage and each recovery in one line. */
function createStateLog(address: string, log: BrokerLog): (state: BrokerState, next: BrokerState, reason: string) => void {
  /** Whether the log says that RabbitMQ is not available. */
  let reported = false
  return (state, next, reason) => {
    if (next === 'connecting' && reason && !reported) {
      reported = true
      log.warn(`RabbitMQ at ${address} is not available: ${reason}.`)
    }
    else if (next === 'blocked' && state !== 'blocked') {
      log.warn(`RabbitMQ at ${address} accepts no messages now: ${reason}.`)
    }
    else if (next === 'connected' && (reported || state === 'blocked')) {
      reported = false
      log.info(`RabbitMQ at ${address} is available again.`)
    }
  }
}
