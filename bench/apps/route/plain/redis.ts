import redisDriver from 'unstorage/drivers/redis'

/** Nitro's cache on Redis, as its guide has it, at an address that is known when the server starts. */
export default defineNitroPlugin(() => {
  useStorage().mount('cache', redisDriver({ url: process.env.BENCH_REDIS_URL, base: 'plain' }))
})
