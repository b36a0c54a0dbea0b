import { defineScaleCommand } from '../support/command'
import { exitCodes } from '../support/exit'
import { renderTable } from '../support/table'
import { withBroker } from './broker'
import { countQueues } from './dead-letters'
import { queueArgs, selectQueues } from './queues'

/** `dlq list`: how many messages wait and how many are dead. */
export const listCommand = defineScaleCommand({
  meta: { description: 'Print how many messages each queue has, and how many dead letters' },
  examples: ['nuxt-scale dlq list', 'nuxt-scale dlq list --queue email.order-notifications --json'],
  args: queueArgs,
  async run({ args, terminal }) {
    const { queues, unnamed } = await selectQueues(args)
    if (unnamed.length > 0) terminal.log.warn(`Not in the list, because they name their queue at run time: ${unnamed.join(', ')}.`)
    const counts = await withBroker(args.cwd, terminal, broker => countQueues(broker, queues))
    terminal.result({ queues: counts }, renderTable(['queue', 'waiting', 'dead'], counts.map(({ queue, waiting, dead }) => [queue, waiting ?? 'not there', dead ?? 'not there'])))
    return exitCodes.ok
  },
})
