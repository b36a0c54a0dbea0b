/** Writes the mails of new orders. The mail has the id of the message, so a message that is delivered twice creates one mail. */
export default defineRabbitConsumer({
  exchange: 'notifications',
  queue: 'email.order-notifications',
  routingKey: 'order.created',
  schema: orderCreated,
  async handler({ orderId, userId, totalAmount, mailFailures }, { attempt, properties }) {
    if (attempt <= mailFailures) throw new Error('The mail server is down.')
    const prisma = getShardForUser(userId)
    const user = await prisma.user.findUnique({ where: { id: userId } })
    if (!user) throw new RejectMessage(`There is no user ${userId}.`)
    await prisma.email.createMany({
      data: [{ id: properties.messageId, orderId, recipient: user.email, subject: `Your order of ${totalAmount.toFixed(2)} €`, attempt }],
      skipDuplicates: true,
    })
  },
})
