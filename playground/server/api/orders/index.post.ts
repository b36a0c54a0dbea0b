import { randomUUID } from 'node:crypto'

/** Creates an order, and its messages for mail and stock in the same transaction. The response does not wait for the consumers. */
export default defineEventHandler(async (event) => {
  const { userId, productId, quantity, mailFailures } = await readValidatedBody(event, orderRequest.parse)
  const product = await findProduct(productId)
  if (!product) throw createError({ statusCode: 404, message: 'Product not found' })
  const prisma = getShardForUser(userId)
  if (!await prisma.user.findUnique({ where: { id: userId } })) throw createError({ statusCode: 404, message: 'User not found' })
  const shard = resolveShard({ userId })
  const order = await prisma.$transaction(async (tx) => {
    const created = await tx.order.create({ data: { id: `order-${shard}-${randomUUID()}`, userId, productId, total: Math.round(product.price * quantity * 100) / 100 } })
    await useRabbit().publish('notifications', 'order.created', { orderId: created.id, userId, totalAmount: created.total, mailFailures, timestamp: new Date() }, { tx })
    await useRabbit().publish('inventory', 'inventory.update', { orderId: created.id, items: [{ productId, quantity }], timestamp: new Date() }, { tx })
    return created
  })
  setResponseStatus(event, 201)
  return { ...order, shard }
})
