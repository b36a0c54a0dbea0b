import { deadLetterQueue } from '../../runtime/server/rabbitmq/topology'
import { defineScaleCommand, listOf, CliFailure, exitCodes } from '../support/command'
import { renderTable } from '../support/terminal'
import { withBroker } from './broker'
import { countDead } from './dead-letters'
import { queueArgs } from './queues'

/** The command `dlq purge`. */
export const purgeCommand = defineScaleCommand({
  meta: { description: 'Permanently delete all dead letters of the queues' },
  examples: ['nuxt-scale dlq purge --queue email.order-notifications --yes'],
  args: {
    queue: queueArgs.queue,
    yes: { type: 'boolean', description: 'Confirm the deletion' },
  },
  async run({ args, terminal }) {
    const queues = listOf(args.queue)
    if (queues.length === 0) throw new CliFailure('--queue is missing: write --queue with the names of the queues.')
    const purged = await withBroker(args.cwd, terminal, async (broker) => {
      // Check all queues before deleting anything.
      const counts = new Map<string, number>()
      for (const queue of queues) counts.set(queue, await countDead(broker, queue))
      if (!args.yes) {
        const letters = [...counts].map(([queue, count]) => `${count} dead letter${count === 1 ? '' : 's'} of ${queue}`).join(' and ')
        throw new CliFailure(`This would permanently delete ${letters}: write --yes to confirm.`)
      }
      const done: { queue: string, deleted: number }[] = []
      for (const queue of counts.keys()) done.push({ queue, deleted: await broker.purge(deadLetterQueue(queue)) })
      return done
    })
    terminal.result({ purged }, renderTable(['queue', 'deleted'], purged.map(({ queue, deleted }) => [queue, deleted])))
    return exitCodes.ok
  },
})
