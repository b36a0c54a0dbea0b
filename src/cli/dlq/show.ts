import { countOf, defineScaleCommand, exitCodes } from '../support/command'
import { withBroker } from './broker'
import type { DeadLetter } from './dead-letters'
import { showDead } from './dead-letters'
import { queueArgs, selectQueues } from './queues'

/** The command `dlq show`. */
export const showCommand = defineScaleCommand({
  meta: { description: 'Print dead letters and the reason of each, without removing them' },
  examples: ['nuxt-scale dlq show --queue email.order-notifications', 'nuxt-scale dlq show --queue inventory.updates --limit 100 --json'],
  args: {
    ...queueArgs,
    limit: { type: 'string', description: 'Maximum number of messages of each queue', valueHint: 'number', default: '10' },
  },
  async run({ args, terminal }) {
    const limit = countOf(args.limit, 'limit')
    const { queues } = await selectQueues(args)
    const letters = await withBroker(args.cwd, terminal, async (broker) => {
      const all: ({ queue: string } & DeadLetter)[] = []
      for (const queue of queues) all.push(...(await showDead(broker, queue, limit)).map(letter => ({ queue, ...letter })))
      return all
    })
    const text = letters.map(letter => describe(letter, title => terminal.paint('bold', title))).join('\n\n')
    terminal.result({ letters }, text || 'There are no dead letters.')
    return exitCodes.ok
  },
})

function describe(
  { queue, messageId, exchange, routingKey, reason, attempt, error, failedAt, tenant, content }: { queue: string } & DeadLetter,
  strong: (text: string) => string,
): string {
  return [
    strong(`${messageId} (${queue})`),
    `  ${exchange} ${routingKey}${tenant ? `, tenant ${tenant}` : ''}`,
    `  ${reason} at attempt ${attempt}${failedAt ? `, ${failedAt}` : ''}`,
    ...error ? [`  ${error}`] : [],
    `  ${content}`,
  ].join('\n')
}
