import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { BufferOptions } from '../../src/runtime/server/rabbitmq/amqp/publish-buffer'
import { bundleWorker } from './worker-bundle'

/** What a process publishes to a broker that takes nothing. */
export interface FloodOptions {
  url: string
  queue: string
  count: number
  /** Bytes of each message. */
  bytes: number
  buffer: BufferOptions
  /** Milliseconds that the broker has to close. */
  closeTimeout: number
}

/** What became of it. */
export interface FloodResult {
  /** Bytes of memory that the process grew by at most, with what was not collected yet. */
  growth: number
  /** Bytes that it held on to at the end. */
  retained: number
  /** How many publishes had failed when the last one was made. */
  failedFast: number
  /** Milliseconds. */
  closedAfter: number
  outcomes: Record<string, number>
}

/** Publishes in a process of its own, whose memory is measured, as soon as RabbitMQ has blocked it. */
export async function floodBlockedBroker(options: FloodOptions): Promise<FloodResult> {
  const bundle = await bundleWorker('publish-flood-main.ts')
  const child = fork(bundle.file, { stdio: 'inherit', execArgv: ['--expose-gc'] })
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  try {
    const answer = once(child, 'message')
    child.send(options)
    return (await answer)[0] as FloodResult
  }
  finally {
    process.off('exit', end)
    end()
    bundle.remove()
  }
}
