import { ENGINE_VARIABLE } from './bundle-name.ts'

const address = process.env[ENGINE_VARIABLE]
if (!address) throw new Error(`${ENGINE_VARIABLE} is not set: start the bench with "npm run bench".`)

/** The cache, the shards and the broker as they are in `src/runtime`. */
export const {
  createCacheEngine, cacheSettings, createRedisConnection, createClient, redisSettings,
  createLimiter, createRateLimitStore, resolveRateLimit,
  createClientRegistry, createShardResolver, firstSlotMap, moduloShard, planShards, shardsSettings, serializeSlotMap,
  createAmqpBroker, createRabbitFeature, rabbitmqSettings,
} = await import(address) as typeof import('./engine-entry.ts')
