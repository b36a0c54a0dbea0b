import { defineScaleCommand, exitCodes } from '../support/command'
import { renderTable } from '../support/terminal'
import { withBroker } from './broker'
import { countQueues } from './dead-letters'
import { queueArgs, selectQueues } from './queues'

/** The command `dlq list`. */
export const listCommand = defineScaleCommand({
  meta: { description: 'Print the number of waiting messages and dead letters of each queue' },
  examples: ['nuxt-scale dlq list', 'nuxt-scale dlq list --queue email.order-notifications --json'],
  args: queueArgs,
  async run({ args, terminal }) {
    const { queues, unnamed } = await selectQueues(args)
    if (unnamed.length > 0) terminal.log.warn(`The list does not include these consumers, which set their queue at run time: `
      + `${unnamed.join(', ')}.`)
    const counts = await withBroker(args.cwd, terminal, broker => countQueues(broker, queues))
    const rows = counts.map(({ queue, waiting, dead }) => [queue, waiting ?? 'missing', dead ?? 'missing'])
    terminal.result({ queues: counts }, renderTable(['queue', 'waiting', 'dead'], rows))
    return exitCodes.ok
  },
})
