import type { ScaleCommand } from '../support/command'
import { listCommand } from './list'
import { purgeCommand } from './purge'
import { replayCommand } from './replay'
import { showCommand } from './show'

/** The command `nuxt-scale dlq`. */
export const dlqCommand: ScaleCommand = {
  meta: { description: 'List, show, replay or delete dead letters' },
  subCommands: { list: listCommand, show: showCommand, replay: replayCommand, purge: purgeCommand },
  examples: [
    'nuxt-scale dlq list',
    'nuxt-scale dlq show --queue email.order-notifications',
    'nuxt-scale dlq replay --queue email.order-notifications',
    'nuxt-scale dlq purge --queue email.order-notifications --yes',
  ],
}
