import { deadLetterQueue } from '../../runtime/server/rabbitmq/topology'
import { defineScaleCommand, listOf } from '../support/command'
import { CliFailure, exitCodes } from '../support/exit'
import { renderTable } from '../support/table'
import { withBroker } from './broker'
import { countDead } from './dead-letters'
import { queueArgs } from './queues'

/** `dlq purge`: deletes for good. */
export const purgeCommand = defineScaleCommand({
  meta: { description: 'Delete all dead letters of queues, for good' },
  examples: ['nuxt-scale dlq purge --queue email.order-notifications --yes'],
  args: {
    queue: queueArgs.queue,
    yes: { type: 'boolean', description: 'Really delete them' },
  },
  async run({ args, terminal }) {
    const queues = listOf(args.queue)
    if (queues.length === 0) throw new CliFailure('Which queues? Write --queue with their names.')
    const purged = await withBroker(args.cwd, terminal, async (broker) => {
      // All are looked at before the first is touched.
      const counts = new Map<string, number>()
      for (const queue of queues) counts.set(queue, await countDead(broker, queue))
      if (!args.yes) throw new CliFailure(`${[...counts].map(([queue, count]) => `${count} dead letters of ${queue}`).join(' and ')} would be deleted for good: write --yes if that is what you want.`)
      const done: { queue: string, deleted: number }[] = []
      for (const queue of counts.keys()) done.push({ queue, deleted: await broker.purge(deadLetterQueue(queue)) })
      return done
    })
    terminal.result({ purged }, renderTable(['queue', 'deleted'], purged.map(({ queue, deleted }) => [queue, deleted])))
    return exitCodes.ok
  },
})
