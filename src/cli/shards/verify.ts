import type { SlotMove } from '../../runtime/server/shards/slot-map'
import { defineScaleCommand, CliFailure, exitCodes } from '../support/command'
import { renderTable } from '../support/terminal'
import { addressOfShard } from './addresses'
import { chosenMoves, moveArgs, openStoredMoves } from './chosen-moves'
import { describeDifferences } from './report'
import type { Comparison } from '../../reshard/compare'
import { compareRows } from '../../reshard/compare'
import { everything } from '../../reshard/cut-over'
import { openMove, pairOf } from '../../reshard/open-move'
import { sync } from '../../reshard/sync'

/** Output of `shards verify --json`. */
export interface VerifyReport {
  moves: ({ from: string, to: string } & Comparison)[]
}

/** The command `shards verify`: compares the moving rows of both shards in one snapshot. */
export const verifyCommand = defineScaleCommand({
  meta: { description: 'Compare the moving rows on both shards; exit with code 2 if they differ' },
  examples: ['nuxt-scale shards verify', 'nuxt-scale shards verify --from eu --to eu2 --json'],
  args: { ...moveArgs },
  async run({ args, terminal }) {
    const stored = await openStoredMoves(args)
    const moves: VerifyReport['moves'] = []
    for (const move of chosenMoves(stored, args)) {
      refuseCopying(move)
      const open = await openMove({
        store: stored.store,
        settings: stored.settings,
        move,
        addressOf: shard => addressOfShard(stored, shard),
        tables: () => [],
        tablesGiven: false,
        mayBegin: false,
      })
      const bar = terminal.progress(`${move.from} → ${move.to}`, open.from.tables.length)
      try {
        refuseCopying(open.move)
        if (open.roles.from === undefined) {
          throw new CliFailure(`The shard ${move.from} has no record of a move to ${move.to}: `
            + `restore the map that the last command stored.`)
        }
        const pair = pairOf(open, open.move)
        let done = 0
        moves.push({
          from: move.from,
          to: move.to,
          ...await sync(pair, everything(pair), () => compareRows(pair, table => bar.update(done++, table))),
        })
      }
      finally {
        bar.end()
        await open.close()
      }
    }
    terminal.result({ moves } satisfies VerifyReport, describe(moves))
    return moves.some(({ differences }) => differences.length > 0) ? exitCodes.partial : exitCodes.ok
  },
})

function refuseCopying({ from, to, state }: SlotMove): void {
  if (state === 'copying') {
    throw new CliFailure(`The move from ${from} to ${to} has not copied all rows yet: run "nuxt-scale shards move" first.`)
  }
}

function describe(moves: VerifyReport['moves']): string {
  const tables = moves.flatMap(({ from, to, tables, differences }) => tables.map(({ table, rows }) => [
    from,
    to,
    table,
    rows,
    differences.filter(difference => difference.table === table).length,
  ]))
  return [renderTable(['from', 'to', 'table', 'rows', 'differences'], tables), ...moves.flatMap(describeDifferences)].join('\n')
}
