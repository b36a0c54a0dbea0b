import type { CacheSource } from '../../src/runtime/server/cache/types'
import type { RedisRuntimeOptions } from '../../src/runtime/server/redis/runtime-options'
import type { Worker } from './worker'
import { startWorker } from './worker'

/** A cache in an operating system process of its own, which can be stopped and continued. */
export interface CacheWorker extends Pick<Worker, 'pause' | 'resume' | 'close'> {
  /** Reads every key at once, in one turn of the worker's event loop; the loader gives `version`. */
  readAll: (keys: readonly string[], version: number) => Promise<{ values: number[], sources: CacheSource[] }>
}

export async function startCacheWorker(options: { redis: RedisRuntimeOptions }): Promise<CacheWorker> {
  const { ask, pause, resume, close } = await startWorker('cache-worker-main.ts')
  await ask({ redis: options.redis })
  return { readAll: (keys, version) => ask({ keys, version }) as Promise<{ values: number[], sources: CacheSource[] }>, pause, resume, close }
}
