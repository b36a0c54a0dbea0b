/** The newest orders of all shards, with the mail and the stock change of each. */
export default defineEventHandler(async () => {
  const { results: orders } = await scatter(async (prisma, shard) => {
    const newest = await prisma.order.findMany({ orderBy: { createdAt: 'desc' }, take: 10, include: { user: { select: { name: true } } } })
    const emails = await prisma.email.findMany({ where: { orderId: { in: newest.map(({ id }) => id) } } })
    return newest.map(order => ({ ...order, shard, email: emails.find(({ orderId }) => orderId === order.id) }))
  }, { timeout: '2s', onError: 'partial', merge: lists => lists.flat().sort((one, other) => +other.createdAt - +one.createdAt).slice(0, 12) })
  const moves = await withTenantDatabase(useTenant().id, prisma => prisma.stockMove.findMany({ where: { orderId: { in: orders.map(({ id }) => id) } } }))
  return orders.map(({ id, user, productId, total, createdAt, shard, email }) => ({
    id, productId, total, createdAt, shard, customer: user.name,
    email: email && { recipient: email.recipient, attempt: email.attempt },
    stock: moves.find(({ orderId }) => orderId === id)?.quantity,
  }))
})
