import { createServer } from 'node:net'
import { randomInt } from 'node:crypto'
import { tryLock } from './lock.ts'

// Below the range from which Linux takes the local ports of outgoing connections (32768 and up), so that
// a server that was killed finds its port still free when it restarts.
const lowestPort = 10_240
const highestPort = 32_767
/** Distance of a Redis Cluster node's bus port from its client port, fixed by Redis. */
const clusterBusOffset = 10_000
const maximumAttempts = 500

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

async function reserve(ports: number[]): Promise<boolean> {
  const locks = []
  for (const port of ports) {
    const lock = await tryLock(`port/${port}`)
    if (lock) {
      locks.push(lock)
    }
    if (!lock || !await canListen(port)) {
      locks.forEach(taken => taken.release())
      return false
    }
  }
  return true
}

async function findPort(highest: number, companions: (port: number) => number[]): Promise<number> {
  for (let attempt = 0; attempt < maximumAttempts; attempt++) {
    const port = randomInt(lowestPort, highest + 1)
    if (await reserve([port, ...companions(port)])) {
      return port
    }
  }
  throw new Error(`No free port between ${lowestPort} and ${highest} after ${maximumAttempts} attempts: end servers left over on this machine.`)
}

/**
 * A TCP port on 127.0.0.1 that nobody listens on. It stays reserved for this process until the process
 * ends, so vitest workers that ask at the same moment never get the same one.
 * @throws Error when no free port is found
 */
export function freePort(): Promise<number> {
  return findPort(highestPort, () => [])
}

/**
 * A port for a Redis Cluster node: free itself, and so is its bus port, 10,000 higher.
 * @throws Error when no such pair is found
 */
export function freeClusterPort(): Promise<number> {
  return findPort(highestPort - clusterBusOffset, port => [port + clusterBusOffset])
}
