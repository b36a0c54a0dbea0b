import { randomUUID } from 'node:crypto'

/** Creates a user. The id contains the shard, so the app finds the shard of an id without a lookup. */
export default defineEventHandler(async (event) => {
  const { name, region } = await readBody<{ name?: unknown, region?: unknown }>(event) ?? {}
  if (typeof name !== 'string' || name.trim() === '' || name.length > 60) throw createError({ statusCode: 400, message: 'name must be a string of 1 to 60 characters.' })
  const shard = resolveShard({ region: String(region ?? '') })
  const id = `${shard}-${randomUUID()}`
  setResponseStatus(event, 201)
  return { ...await getShardForUser(id).user.create({ data: { id, name, email: `${id}@shop.example`, region: String(region ?? '').toUpperCase() } }), shard }
})
