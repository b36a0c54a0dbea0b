import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Functions that a worker process offers. */
export type WorkerMethods = Record<string, (...args: never[]) => unknown>

/** A worker process, whose functions are called by name. */
export interface Worker<Methods extends WorkerMethods> {
  call: <Name extends keyof Methods & string>(name: Name, ...args: Parameters<Methods[Name]>) => Promise<Awaited<ReturnType<Methods[Name]>>>
  stop: () => Promise<void>
}

interface Request { id: number, name: string, args: unknown[] }
interface Answer { id: number, value?: unknown, error?: string }

/** Milliseconds that a worker has to end by itself. */
const STOP_TIMEOUT = 5000

/**
 * Starts `bench/workers/<file>` as an operating-system process of its own. It ends with this one.
 * @throws Error when the worker ends before it is ready
 */
export async function startWorker<Methods extends WorkerMethods>(file: string): Promise<Worker<Methods>> {
  const child = fork(fileURLToPath(new URL(`../workers/${file}`, import.meta.url)), { serialization: 'advanced', execArgv: [] })
  const calls = new Map<number, PromiseWithResolvers<unknown>>()
  const ended = once(child, 'exit')
  let count = 0
  child.on('message', ({ id, value, error }: Answer) => {
    const call = calls.get(id)
    calls.delete(id)
    if (error === undefined) call?.resolve(value)
    else call?.reject(new Error(error))
  })
  child.once('exit', (code) => {
    for (const call of calls.values()) call.reject(new Error(`The worker ${file} ended with code ${code} during a call.`))
  })

  function call(name: string, ...args: unknown[]): Promise<unknown> {
    const answer = Promise.withResolvers<unknown>()
    calls.set(++count, answer)
    child.send({ id: count, name, args } satisfies Request)
    return answer.promise
  }

  await call('ready')
  return {
    call: call as Worker<Methods>['call'],
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT)
      if (child.connected) child.disconnect()
      await ended
      clearTimeout(timer)
    },
  }
}

/** Called by the worker itself: offers `methods` until the parent process goes away. */
export function serve(methods: WorkerMethods): void {
  const offered = { ...methods, ready: () => {} } as unknown as Record<string, (...args: unknown[]) => unknown>
  process.on('message', async ({ id, name, args }: Request) => {
    try {
      const value = await offered[name]!(...args)
      process.send?.({ id, value } satisfies Answer)
    }
    catch (error) {
      process.send?.({ id, error: error instanceof Error ? error.stack ?? error.message : String(error) } satisfies Answer)
    }
  })
  // Without its parent nobody asks it anything any more.
  process.on('disconnect', () => process.exit())
}
