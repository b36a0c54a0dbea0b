/** Sentences that break a rule of words.ts on purpose. */
export const exceptions: { file: string, sentence: string, reason: string }[] = [
  { file: 'src/runtime/server/rabbitmq/outbox/rows.ts', sentence: 'cast(id as text)', reason: 'an expression of SQL' },
  { file: 'docs/content/7.environment.md', sentence: 'What the build decides', reason: 'a heading whose anchor is linked' },
  { file: 'src/cli/shards/plan.ts', sentence: '--add eu2,eu3 --remove us --write', reason: 'us is the id of a shard' },
  { file: 'playground/nuxt.config.ts', sentence: 'shard us', reason: 'us is the id of a shard' },
]
