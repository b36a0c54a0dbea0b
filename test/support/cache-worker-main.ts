import type { CacheSource } from '../../src/runtime/server/cache/types'
import type { CacheProcess } from './cache'
import { startCacheProcess } from './cache'

/** The other side of `startCacheWorker`: starts a cache at the first message and reads keys at the others. */
let cache: CacheProcess | undefined

process.on('message', async (message: { redis: object } | { keys: string[], version: number }) => {
  if ('redis' in message) {
    cache = await startCacheProcess({ redis: message.redis })
    process.send!('ready')
    return
  }
  const sources: CacheSource[] = []
  const values = await Promise.all(message.keys.map(key => cache!.engine.get(key, () => message.version, { onSource: source => void sources.push(source) })))
  process.send!({ values, sources })
})
