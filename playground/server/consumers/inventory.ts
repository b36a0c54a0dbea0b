/** Takes goods out of the stock of the tenant who sold them, once for each message. */
export default defineRabbitConsumer({
  exchange: 'inventory',
  queue: 'inventory.updates',
  routingKey: 'inventory.update',
  schema: inventoryUpdate,
  handler: ({ orderId, items }, { properties }) => withTenantDatabase(useTenant().id, prisma => prisma.$transaction(async (transaction) => {
    const { productId, quantity } = items[0]!
    const { count } = await transaction.stockMove.createMany({ data: [{ id: properties.messageId, orderId, productId, quantity }], skipDuplicates: true })
    if (count > 0) await transaction.product.update({ where: { id: productId }, data: { stock: { decrement: quantity } } })
  })),
})
