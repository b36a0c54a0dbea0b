import { withDeadline } from '../core/deadline'
import { RedisTimeoutError } from './errors'
import { isCluster } from './masters'
import type { RedisClient } from './types'

/** Milliseconds for QUIT, and the same again for closing the sockets. */
const QUIT_TIMEOUT = 300

/** Closes a client and its sockets: by QUIT if the server answers, otherwise by disconnecting. It never rejects. */
export async function closeClient(client: RedisClient): Promise<void> {
  if (client.status === 'end') {
    return
  }
  const parts = isCluster(client) ? [client, ...client.nodes()] : [client]
  const ended = Promise.all(parts.map(untilEnd))
  const hasQuit = client.status === 'ready' && await succeedsInTime(client.quit().then(() => ended))
  if (!hasQuit) {
    client.disconnect()
    await succeedsInTime(ended)
  }
}

function succeedsInTime(work: Promise<unknown>): Promise<boolean> {
  return withDeadline(work, QUIT_TIMEOUT, () => new RedisTimeoutError(QUIT_TIMEOUT)).then(() => true, () => false)
}

function untilEnd(client: RedisClient): Promise<void> {
  return new Promise((resolve) => {
    if (client.status === 'end') {
      resolve()
    }
    else {
      client.once('end', resolve)
    }
  })
}
