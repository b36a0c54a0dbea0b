import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds for which a holder may use its lock. */
const HELD = 3000
/** Milliseconds after which a lock that was not released is considered abandoned. */
const ABANDONED = 5000
/** Milliseconds to wait after a takeover: if several processes take over at the same time, the last one gets the lock. */
const SETTLED = 500
/** Longest pause between two attempts, in milliseconds. */
const INTERVAL = 25

/** The lock was not granted before the deadline. */
export class FileLockTimeout extends Error {}

/** A file lock that several processes share, also across machines. */
export interface FileLock {
  /**
   * Runs `work` while no other process holds the lock.
   *
   * @param work receives a function that throws if the lock may belong to another process by now: call it before each side effect
   * @param deadline time by which the lock must be granted, on the clock of `performance.now()`
   * @throws FileLockTimeout if the lock is not granted in time, or `work` takes too long
   */
  hold: <T>(deadline: number, work: (check: () => Promise<void>) => Promise<T>) => Promise<T>
}

/**
 * Creates a lock from a file that exists while the lock is held.
 *
 * A killed process leaves its file behind. A process that sees the same holder for five seconds takes the lock over; a holder uses its
 * lock for at most three seconds. This needs neither process ids, which differ between machines, nor synchronized clocks.
 */
export function createFileLock(path: string): FileLock {
  /** The last holder that was seen, and the time when it was first seen. It is kept between attempts. */
  let found: { holder: string, since: number } | undefined

  const readHolder = () => readFile(path, 'utf8').catch(() => undefined)
  const create = (token: string) => writeFile(path, token, { flag: 'wx' }).then(() => true, (error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return false
    throw error
  })
  const isAbandoned = async () => {
    const holder = await readHolder()
    if (holder === undefined || holder !== found?.holder) {
      found = holder === undefined ? undefined : { holder, since: performance.now() }
      return false
    }
    return performance.now() - found.since > ABANDONED
  }
  const takeOver = async (token: string) => {
    const next = `${path}.${token}`
    await writeFile(next, token)
    await rename(next, path)
    await sleep(SETTLED)
    return await readHolder() === token
  }
  const acquire = async (token: string, deadline: number) => {
    await mkdir(dirname(path), { recursive: true })
    while (!await create(token)) {
      if (await isAbandoned() && await takeOver(token)) return
      if (performance.now() > deadline) throw new FileLockTimeout(`${path} is locked by another process.`)
      await sleep(Math.random() * INTERVAL)
    }
  }

  return {
    async hold(deadline, work) {
      const token = randomUUID()
      await acquire(token, deadline)
      const since = performance.now()
      try {
        return await work(async () => {
          const isLost = performance.now() - since > HELD || await readHolder() !== token
          if (isLost) throw new FileLockTimeout(`${path} was locked for too long.`)
        })
      }
      finally {
        if (await readHolder() === token) await rm(path, { force: true })
      }
    },
  }
}
