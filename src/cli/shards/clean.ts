import { countOf, defineScaleCommand, listOf } from '../support/command'
import { exitCodes } from '../support/exit'
import { onInterrupt } from '../support/interrupt'
import { renderTable } from '../support/table'
import { addressOfShard } from './addresses'
import { openStoredMoves } from './chosen-moves'
import { mapArg } from './map-file'
import type { Leftover } from '../../reshard/clean'
import { cleanShard } from '../../reshard/clean'
import { openSession } from '../../reshard/open-session'

/** What `shards clean --json` prints. */
export interface CleanReport {
  leftovers: Leftover[]
}

/** `shards clean`: what moves that are over have left. */
export const cleanCommand = defineScaleCommand({
  meta: { description: 'Count, or delete, what moves that are over have left on their shards' },
  examples: ['nuxt-scale shards clean', 'nuxt-scale shards clean --delete', 'nuxt-scale shards clean --shard eu --delete --batch 5000'],
  args: {
    'shard': { type: 'string', description: 'These shards, separated by commas (default: all of the map)', valueHint: 'shards' },
    'delete': { type: 'boolean', description: 'Delete the rows, and what refuses writes to them. Only when every instance has the newest map' },
    'fire-triggers': { type: 'boolean', description: 'Let triggers and rules of the app fire for the rows that are deleted' },
    'batch': { type: 'string', description: 'Rows that are deleted at a time', valueHint: 'number', default: '1000' },
    ...mapArg,
  },
  async run({ args, terminal }) {
    const batch = countOf(args.batch, 'batch')
    const stored = await openStoredMoves(args)
    const shards = args.shard === undefined ? stored.map.shards : listOf(args.shard)
    const interrupt = onInterrupt(() => terminal.log.warn('Interrupted: the command ends after this batch.'))
    const leftovers: Leftover[] = []
    try {
      for (const shard of shards) {
        if (interrupt.signal.aborted) break
        const session = await openSession(addressOfShard(stored, shard))
        try {
          // Read under the lock of the shard: another command may have changed it while this one waited.
          const map = { name: stored.store.name, map: await stored.store.read() }
          leftovers.push(...await cleanShard(session, [map, ...await stored.others()], {
            remove: args.delete ?? false,
            fireTriggers: args['fire-triggers'] ?? false,
            batch,
            signal: interrupt.signal,
            onDeleted: (table, rows) => terminal.log.debug(`${shard}: ${rows} rows of ${table} are deleted`),
          }))
        }
        finally {
          await session.close()
        }
      }
    }
    finally {
      interrupt.close()
    }
    terminal.result({ leftovers } satisfies CleanReport, describe(leftovers))
    return interrupt.signal.aborted ? exitCodes.error : exitCodes.ok
  },
})

function describe(leftovers: readonly Leftover[]): string {
  if (leftovers.length === 0) return 'No move has left anything.'
  const rows = leftovers.flatMap(({ shard, from, to, tables, deleted }) => tables.map(({ table, rows }) => [shard, `${from} → ${to}`, table, rows, deleted ? 'deleted' : 'there']))
  return [renderTable(['shard', 'move', 'table', 'rows', 'now'], rows), ...leftovers.every(({ deleted }) => deleted) ? [] : ['', 'Nothing is deleted without --delete.']].join('\n')
}
