import type { ScaleCommand } from '../support/command'
import { cleanCommand } from './clean'
import { moveCommand } from './move'
import { planCommand } from './plan'
import { statusCommand } from './status'
import { verifyCommand } from './verify'

/** The command `nuxt-scale shards`. */
export const shardsCommand: ScaleCommand = {
  meta: { description: 'Plan and run moves of data between shards' },
  subCommands: { plan: planCommand, move: moveCommand, verify: verifyCommand, clean: cleanCommand, status: statusCommand },
  examples: [
    'nuxt-scale shards plan --add eu2 --write',
    'nuxt-scale shards move',
    'nuxt-scale shards move --finish',
    'nuxt-scale shards clean --delete',
  ],
}
