export default defineEventHandler(async (event) => {
  const { cache } = useNitroApp()
  const known = await cache.get<{ since: string }>('visits')
  setCacheStatus(event, known ? 'hit' : 'loader')
  if (known) return known
  const visits = { since: new Date().toISOString() }
  await cache.set('visits', visits, 60)
  return visits
})
