/** The newest users of all shards. If a shard does not answer in time, the response lists it in `missing`. */
export default defineEventHandler(async () => {
  const { results, partial, errors } = await scatter(
    prisma => prisma.user.findMany({ orderBy: { createdAt: 'desc' }, take: 10, include: { _count: { select: { orders: true, posts: true } } } }),
    { timeout: '2s', onError: 'partial', merge: lists => lists.flat().sort((one, other) => +other.createdAt - +one.createdAt).slice(0, 12) },
  )
  return { users: results, partial, missing: errors.map(error => error.shard) }
})
