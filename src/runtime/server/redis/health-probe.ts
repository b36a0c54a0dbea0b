import type { Redis } from 'ioredis'
import { withDeadline } from '../core/deadline'
import { RedisTimeoutError } from './errors'
import { connectedMasters, isCluster } from './masters'
import type { StuckClients } from './stuck-clients'
import type { RedisClient } from './types'

/** Milliseconds for the reply to one background probe. */
export const PING_TIMEOUT = 250

/** Dependencies of {@link createHealthProbe}. */
export interface HealthProbeContext {
  client: RedisClient
  /** Returns why the server must not be used although it answers; undefined if it may be used. */
  databaseFault: () => string | undefined
  stuckClients: StuckClients
}

/** Checks in the background whether Redis can be used. */
export interface HealthProbe {
  /** Resolves when every master answers and can be used. @throws Error if one of them does not */
  probe: () => Promise<void>
  /** Reports a refused write. From now on the probe fails until the server answers that it is a master. */
  doubtMaster: () => void
}

export function createHealthProbe({ client, databaseFault, stuckClients }: HealthProbeContext): HealthProbe {
  let maybeReplica = false

  async function probe(): Promise<void> {
    const fault = databaseFault()
    if (fault) {
      throw new Error(fault)
    }
    if (client.status !== 'ready') {
      stuckClients.unanswered(client)
      throw new Error(`the client is ${client.status}`)
    }
    const answers = await Promise.all(connectedMasters(client).map(isAlive))
    if (answers.length === 0 || answers.includes(false)) {
      throw new Error('a server does not answer')
    }
    stuckClients.answered(client)
  }

  async function isAlive(node: Redis): Promise<boolean> {
    if (node.status !== 'ready' && node.status !== 'connect' && node.status !== 'wait') {
      return false
    }
    const alive = await withDeadline(isServing(node), PING_TIMEOUT, () => new RedisTimeoutError(PING_TIMEOUT)).catch(() => undefined)
    if (alive === undefined) {
      stuckClients.unanswered(node)
    }
    else {
      stuckClients.answered(node)
    }
    return alive ?? false
  }

  /** A PING alone is not enough: some servers answer it but refuse all other commands. */
  async function isServing(node: Redis): Promise<boolean> {
    if (isCluster(client)) {
      return String(await node.cluster('INFO')).includes('cluster_state:ok')
    }
    await node.ping()
    if (maybeReplica) {
      const [role] = await node.role() as unknown[]
      maybeReplica = role === 'slave'
    }
    return !maybeReplica
  }

  return {
    probe,
    doubtMaster() {
      maybeReplica = true
    },
  }
}
