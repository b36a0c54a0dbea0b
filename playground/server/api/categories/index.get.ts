export default defineEventHandler(() => cacheWithRedis('categories:list', listCategories, { ttl: 600, tags: ['categories'] }))
