import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds for which a holder may rely on its lock. */
const HELD = 3000
/** Milliseconds after which the lock of a holder that does not give it back belongs to a process that is gone. */
const ABANDONED = 5000
/** Milliseconds after which, of several processes that take over an abandoned lock, the last one has it. */
const SETTLED = 500
/** Longest time between two tries, in milliseconds. */
const INTERVAL = 25

/** The lock was not granted before the deadline. */
export class FileLockTimeout extends Error {}

/** A lock that several processes, also of several machines, share as a file. */
export interface FileLock {
  /**
   * Runs `work` while no other process holds the lock.
   *
   * @param work gets a function that throws when the lock may belong to another process by now: call it before each effect
   * @param deadline when the lock must have been granted, by `performance.now()`
   * @throws FileLockTimeout
   */
  hold: <T>(deadline: number, work: (check: () => Promise<void>) => Promise<T>) => Promise<T>
}

/**
 * Makes a lock of a file that exists as long as the lock is held.
 *
 * The file of a process that was killed stays. Whoever has waited and found the same holder for five seconds takes it over; a holder never
 * relies on its lock for more than three. So neither process ids, which mean nothing on another machine, nor clocks need to agree.
 */
export function createFileLock(path: string): FileLock {
  /** The holder that was found last, and since when. Remembered from one try to the next. */
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
