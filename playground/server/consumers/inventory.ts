/** Reduces the stock of the tenant that sold the products, once for each message. */
export default defineRabbitConsumer({
  exchange: 'inventory',
  queue: 'inventory.updates',
  routingKey: 'inventory.update',
  schema: inventoryUpdate,
  dedupe: 'tenant',
  async handler({ orderId, items }, { properties, tx }) {
    const { productId, quantity } = items[0]!
    await tx.stockMove.create({ data: { id: properties.messageId, orderId, productId, quantity } })
    await tx.product.update({ where: { id: productId }, data: { stock: { decrement: quantity } } })
  },
})
