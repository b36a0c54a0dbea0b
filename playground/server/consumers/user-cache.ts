/** Invalidates a changed user. One instance receives the message, and the cache notifies all others. */
export default defineRabbitConsumer({
  exchange: 'users',
  queue: 'notifications.user-updates',
  routingKey: 'user.updated',
  schema: userUpdated,
  handler: ({ userId }) => invalidateCache(`user:${userId}`),
})
