import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { CacheSource } from '../../src/runtime/server/cache/types'
import type { RedisRuntimeOptions } from '../../src/runtime/server/redis/runtime-options'
import { createTemporaryDirectory } from './temporary-directory'

/** A cache in an operating system process of its own, which can be stopped and continued. */
export interface CacheWorker {
  /** Reads every key at once, in one turn of the worker's event loop; the loader gives `version`. */
  readAll: (keys: readonly string[], version: number) => Promise<{ values: number[], sources: CacheSource[] }>
  pause: () => void
  resume: () => void
  close: () => Promise<void>
}

export async function startCacheWorker(options: { redis: RedisRuntimeOptions }): Promise<CacheWorker> {
  const directory = createTemporaryDirectory('cache-worker')
  const file = join(directory.path, 'worker.mjs')
  await build({
    entryPoints: [new URL('cache-worker-main.ts', import.meta.url).pathname],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  })
  const child = fork(file, { stdio: 'inherit' })
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  await ask(child, { redis: options.redis })
  return {
    readAll: (keys, version) => ask(child, { keys, version }) as Promise<{ values: number[], sources: CacheSource[] }>,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async close() {
      process.off('exit', end)
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      directory.remove()
    },
  }
}

async function ask(child: ChildProcess, message: object): Promise<unknown> {
  const answer = once(child, 'message')
  child.send(message)
  return (await answer)[0]
}
