import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A named lock that only one process (and one caller in it) holds at a time. */
export interface Lock {
  /** Gives the lock back. Safe to call twice. */
  release: () => void
}

/**
 * Takes a machine-wide lock if it is free.
 *
 * The lock is a listening socket in Linux's abstract namespace: the kernel frees it when its holder
 * dies, however it dies, so no stale lock file can block a later run.
 * @returns the lock, or `undefined` when somebody holds it
 * @throws Error when the socket fails for another reason than being taken
 */
export async function tryLock(name: string): Promise<Lock | undefined> {
  const server = createServer(socket => socket.destroy())
  server.unref()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ path: `\0nuxt-scale/${name}` }, resolve)
    })
  }
  catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      return undefined
    }
    throw error
  }
  return {
    release: () => {
      server.close()
    },
  }
}

/**
 * Waits for a machine-wide lock.
 * @param name what the lock protects
 * @param timeout longest wait in milliseconds
 * @throws Error when the lock is still held after `timeout`
 */
export async function acquireLock(name: string, timeout: number): Promise<Lock> {
  const deadline = performance.now() + timeout
  for (;;) {
    const lock = await tryLock(name)
    if (lock) {
      return lock
    }
    if (performance.now() > deadline) {
      throw new Error(`The lock "${name}" was still held by another process after ${timeout} ms: end that process or wait for it.`)
    }
    await sleep(100)
  }
}
