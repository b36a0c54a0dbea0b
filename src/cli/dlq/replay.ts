import { countOf, defineScaleCommand, CliFailure, exitCodes } from '../support/command'
import { onInterrupt } from '../support/interrupt'
import { renderTable } from '../support/terminal'
import { withBroker } from './broker'
import type { ReplayOutcome } from './dead-letters'
import { replayDead } from './dead-letters'
import { queueArgs, selectQueues } from './queues'

/** The command `dlq replay`. */
export const replayCommand = defineScaleCommand({
  meta: { description: 'Send dead letters back to their queue, where their attempts start again' },
  examples: ['nuxt-scale dlq replay --queue email.order-notifications', 'nuxt-scale dlq replay --queue inventory.updates '
  + '--limit 1', 'nuxt-scale dlq replay --all --json'],
  args: {
    ...queueArgs,
    all: { type: 'boolean', description: 'Replay every queue that the build lists' },
    limit: { type: 'string', description: 'Maximum number of messages of each queue (default: all)', valueHint: 'number' },
  },
  async run({ args, terminal }) {
    if ((args.all ?? false) === (args.queue !== undefined)) {
      throw new CliFailure('Select the queues: write either --queue with their names, or --all.')
    }
    const limit = args.limit === undefined ? Infinity : countOf(args.limit, 'limit')
    const { queues } = await selectQueues(args)
    const interrupt = onInterrupt(() => terminal.log.warn('Interrupted: replayed messages stay in their queue, '
      + 'the others stay in the dead-letter queue.'))
    try {
      const outcomes = await withBroker(args.cwd, terminal, async (broker) => {
        const all: ReplayOutcome[] = []
        for (const queue of queues) {
          let bar: ReturnType<typeof terminal.progress> | undefined
          all.push(await replayDead(broker, queue, {
            limit,
            signal: interrupt.signal,
            onProgress: (done, total) => (bar ??= terminal.progress('replay', total)).update(done, queue),
          }))
          bar?.end()
        }
        return all
      })
      const rows = outcomes.map(({ queue, replayed, left, error }) => [queue, replayed, left, error ?? ''])
      terminal.result({ outcomes }, renderTable(['queue', 'replayed', 'left', 'error'], rows))
      return outcomes.some(({ error }) => error !== undefined) ? exitCodes.partial : exitCodes.ok
    }
    finally {
      interrupt.close()
    }
  },
})
