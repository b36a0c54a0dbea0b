import { randomUUID } from 'node:crypto'

/** Creates an order. Mail and stock are told, and nobody waits for them. */
export default defineEventHandler(async (event) => {
  const { userId, productId, quantity = 1, mailFailures = 0 } = await readBody<{ userId?: unknown, productId?: unknown, quantity?: unknown, mailFailures?: unknown }>(event) ?? {}
  if (typeof userId !== 'string' || typeof productId !== 'string') throw createError({ statusCode: 400, message: 'userId and productId must be texts.' })
  const count = readNumber(quantity, 'quantity', 1, 10)
  const product = await findProduct(productId)
  if (!product) throw createError({ statusCode: 404, message: 'Product not found' })
  const prisma = getShardForUser(userId)
  if (!await prisma.user.findUnique({ where: { id: userId } })) throw createError({ statusCode: 404, message: 'User not found' })
  const shard = resolveShard({ userId })
  const order = await prisma.order.create({ data: { id: `order-${shard}-${randomUUID()}`, userId, productId, total: Math.round(product.price * count * 100) / 100 } })

  await useRabbit().publish('notifications', 'order.created', { orderId: order.id, userId, totalAmount: order.total, mailFailures: Number(mailFailures) || 0, timestamp: new Date() })
  await useRabbit().publish('inventory', 'inventory.update', { orderId: order.id, items: [{ productId, quantity: count }], timestamp: new Date() })
  setResponseStatus(event, 201)
  return { ...order, shard }
})
