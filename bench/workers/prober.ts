/** Reads one key again and again, and notes how long the longest answer took: what other users of a server feel. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { serve } from '../support/workers.ts'

const KEY = 'probed'

let longest = 0
let running = false
let ended: Promise<void> | undefined

async function probe(client: Redis): Promise<void> {
  while (running) {
    const start = performance.now()
    await client.get(KEY)
    longest = Math.max(longest, performance.now() - start)
    await sleep(1)
  }
  await client.quit()
}

const methods = {
  async start(port: number) {
    const client = new Redis({ host: '127.0.0.1', port })
    await client.ping()
    longest = 0
    running = true
    ended = probe(client)
  },
  /** Milliseconds of the longest answer since the start. */
  async stop() {
    running = false
    await ended
    return longest
  },
}

export type ProberMethods = typeof methods

serve(methods)
