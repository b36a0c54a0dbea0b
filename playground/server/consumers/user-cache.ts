/** Forgets a person who changed. One instance gets the message, and the cache tells all others. */
export default defineRabbitConsumer({
  exchange: 'users',
  queue: 'notifications.user-updates',
  routingKey: 'user.updated',
  schema: userUpdated,
  handler: ({ userId }) => invalidateCache(`user:${userId}`),
})
