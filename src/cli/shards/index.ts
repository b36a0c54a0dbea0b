import type { ScaleCommand } from '../support/command'
import { planCommand } from './plan'
import { statusCommand } from './status'

/** `nuxt-scale shards …` */
export const shardsCommand: ScaleCommand = {
  meta: { description: 'Plan and watch moves of data between shards' },
  subCommands: { plan: planCommand, status: statusCommand },
  examples: ['nuxt-scale shards plan --add eu2 --write', 'nuxt-scale shards status'],
}
