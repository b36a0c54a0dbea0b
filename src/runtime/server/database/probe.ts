import { connect } from 'node:net'
import { detached } from '../core/detached'
import type { DatabaseSpec } from './types'

const PORTS: Record<string, number> = { postgres: 5432, postgresql: 5432, mysql: 3306, mariadb: 3306 }
/** Milliseconds after which an address without an answer counts as unreachable. */
const TIMEOUT = 1000

/** Resolves when a server accepts connections at the address of a database, and at once for other addresses, such as files. */
export async function probeAddress({ url }: DatabaseSpec): Promise<void> {
  const { protocol, hostname, port } = new URL(url)
  const number = Number(port) || PORTS[protocol.slice(0, -1)]
  if (hostname === '' || number === undefined) return
  await detached(() => new Promise<void>((resolve, reject) => {
    const socket = connect({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: number })
    // A busy process may run its timers before it handles an answer that has already arrived, so the failure waits one turn.
    socket.setTimeout(TIMEOUT, () => setImmediate(() => socket.destroy(new Error('The replica did not answer in time.'))))
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
  }))
}
