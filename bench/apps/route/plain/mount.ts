import redisDriver from 'unstorage/drivers/redis'

/** Plain Nitro's cache on Redis, when the address is there: what its documentation recommends for several instances. */
export default defineNitroPlugin(async () => {
  const url = process.env.PLAIN_REDIS_URL
  if (!url) return
  const storage = useStorage()
  await storage.unmount('cache')
  storage.mount('cache', redisDriver({ url, base: 'plain' }))
})
