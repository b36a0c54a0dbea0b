import { countOf, defineScaleCommand, listOf, exitCodes } from '../support/command'
import { onInterrupt } from '../support/interrupt'
import { renderTable } from '../support/terminal'
import { addressOfShard } from './addresses'
import { openStoredMoves } from './chosen-moves'
import { mapArg } from './map-file'
import type { Leftover } from '../../reshard/clean'
import { cleanShard } from '../../reshard/clean'
import { openSession } from '../../reshard/open-session'

/** Output of `shards clean --json`. */
export interface CleanReport {
  leftovers: Leftover[]
}

/** The command `shards clean`. */
export const cleanCommand = defineScaleCommand({
  meta: { description: 'Count the rows that finished moves have left behind; delete them with --delete' },
  examples: ['nuxt-scale shards clean', 'nuxt-scale shards clean --delete', 'nuxt-scale shards clean --shard eu --delete --batch 5000'],
  args: {
    'shard': { type: 'string', description: 'The shards to clean, separated by commas (default: all shards of '
      + 'the map)', valueHint: 'shards' },
    'delete': {
      type: 'boolean',
      description: 'Delete the rows and the triggers that reject writes to them. Use it only after every instance has the newest map',
    },
    'fire-triggers': { type: 'boolean', description: 'Let triggers and rules of the app fire for the deleted rows' },
    'batch': { type: 'string', description: 'Number of rows to delete in one statement', valueHint: 'number', default: '1000' },
    ...mapArg,
  },
  async run({ args, terminal }) {
    const batch = countOf(args.batch, 'batch')
    const stored = await openStoredMoves(args)
    const shards = args.shard === undefined ? stored.map.shards : listOf(args.shard)
    const interrupt = onInterrupt(() => terminal.log.warn('Interrupted: the command stops after this batch.'))
    const leftovers: Leftover[] = []
    try {
      for (const shard of shards) {
        if (interrupt.signal.aborted) break
        const session = await openSession(addressOfShard(stored, shard))
        try {
          // Read the map after locking the shard: another command may have changed it while this one waited.
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
  if (leftovers.length === 0) return 'There are no rows to clean up.'
  const rows = leftovers.flatMap(({ shard, from, to, tables, deleted }) => tables.map(({ table, rows }) => {
    return [shard, `${from} → ${to}`, table, rows, deleted ? 'deleted' : 'present']
  }))
  const hint = leftovers.every(({ deleted }) => deleted) ? [] : ['', 'Rows are deleted only with --delete.']
  return [renderTable(['shard', 'move', 'table', 'rows', 'status'], rows), ...hint].join('\n')
}
