/** Sentences that break a rule of words.ts on purpose. */
export const exceptions: { file: string, sentence: string, reason: string }[] = [
  { file: 'src/runtime/server/rabbitmq/outbox/rows.ts', sentence: 'cast(id as text)', reason: 'SQL' },
]
