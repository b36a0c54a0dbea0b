import { parseDuration } from '../../runtime/server/core/duration'
import { parseChoice } from '../../runtime/server/core/settings'
import { slotCounts, moveStates } from '../../runtime/server/shards/slot-map'
import type { MoveState, SlotMap, SlotMove } from '../../runtime/server/shards/slot-map'
import { countOf, defineScaleCommand } from '../support/command'
import { CliFailure, exitCodes } from '../support/exit'
import { onInterrupt } from '../support/interrupt'
import { renderTable } from '../support/table'
import { addressOfShard } from './addresses'
import { chosenMoves, moveArgs, openStoredMoves } from './chosen-moves'
import { describeDifferences } from './differences'
import { estimateRows } from '../../reshard/copy'
import { openMove } from '../../reshard/open-move'
import type { RunOptions, RunResult } from '../../reshard/run'
import { finishMove, runBack, runForward } from '../../reshard/run'
import { namedTables } from './named-tables'

/** What `shards move --json` prints. */
export interface MoveReport {
  moves: (Omit<RunResult, 'map'> & { from: string, to: string, before: MoveState })[]
  version: number
  map: string
}

/** `shards move`: takes the moves of the map from state to state, rows and all. */
export const moveCommand = defineScaleCommand({
  meta: { description: 'Move rows between the databases of shards while the app writes to them' },
  examples: [
    'nuxt-scale shards move',
    'nuxt-scale shards move --from eu --to eu2 --tables User:id,Order:userId',
    'nuxt-scale shards move --finish',
    'nuxt-scale shards move --back',
  ],
  args: {
    ...moveArgs,
    batch: { type: 'string', description: 'Rows that are copied at a time', valueHint: 'number', default: '1000' },
    pause: { type: 'string', description: 'Longest pause of writes to what moves, when the reads change', valueHint: 'duration', default: '5s' },
    until: { type: 'string', description: `Stop at this state: ${moveStates.join(', ')}`, valueHint: 'state', default: 'read-new' },
    finish: { type: 'boolean', description: 'End moves whose new shard is read by every instance' },
    back: { type: 'boolean', description: 'Take moves back: from read-new to where the old shard is read, from anywhere else off' },
  },
  async run({ args, terminal }) {
    const batch = countOf(args.batch, 'batch')
    const pause = parseDuration(args.pause, '--pause')
    const until = parseChoice(args.until, moveStates, '--until')
    if (args.finish && args.back) throw new CliFailure('--finish and --back lead to opposite ends: write one of them.')
    const stored = await openStoredMoves(args)
    const { settings, store } = stored
    let { map } = stored
    const moves: MoveReport['moves'] = []
    const interrupt = onInterrupt(() => terminal.log.warn('Interrupted: the command ends after this step, and goes on where it was when it is run again.'))
    try {
      for (const move of chosenMoves(stored, args)) {
        if (interrupt.signal.aborted) break
        const name = `${move.from} → ${move.to}`
        const open = await openMove({ store, settings, move, sameState: args.back, addressOf: shard => addressOfShard(stored, shard), tables: () => namedTables(args.tables, settings.tables), tablesGiven: args.tables !== undefined, mayBegin: !args.finish && !args.back })
        const total = args.finish || args.back ? 0 : await estimateRows(open.from, shareOf(open.map, move))
        const bar = terminal.progress(name, total)
        const copied = new Map<string, number>()
        const options: RunOptions = {
          until,
          batch,
          pause,
          signal: interrupt.signal,
          store,
          onStep(step) {
            bar.end()
            terminal.log.info(`${name}: ${step}`)
          },
          onCopied(table, rows) {
            copied.set(table, rows)
            bar.update([...copied.values()].reduce((sum, count) => sum + count, 0), table)
          },
        }
        try {
          const result = args.finish ? await finishMove(open, options) : args.back ? await runBack(open, options) : await runForward(open, options)
          const { map: next, ...rest } = result
          map = next
          moves.push({ from: move.from, to: move.to, before: open.move.state, ...rest })
        }
        finally {
          bar.end()
          await open.close()
        }
      }
    }
    finally {
      interrupt.close()
    }
    terminal.result({ moves, version: map.version, map: store.name } satisfies MoveReport, describe(moves, map, store.name))
    if (moves.some(({ comparison }) => comparison && comparison.differences.length > 0)) return exitCodes.partial
    return interrupt.signal.aborted ? exitCodes.error : exitCodes.ok
  },
})

/** About how much of the old shard moves. */
function shareOf(map: SlotMap, { slots, from }: SlotMove): number {
  return slots.length / (slotCounts(map).get(from) || slots.length)
}

function describe(moves: MoveReport['moves'], { version }: SlotMap, name: string): string {
  const table = renderTable(['from', 'to', 'before', 'now', 'writes paused, ms'], moves.map(({ from, to, before, state, paused }) => [from, to, before, state, paused ?? '']))
  const differences = moves.flatMap(({ comparison }) => comparison ? describeDifferences(comparison) : [])
  const states = new Set(moves.map(({ state }) => state))
  const next = [
    ...differences.length > 0 ? ['The shards do not hold the same, and the reads have not changed: see docs of shards, or take the move back with --back.'] : [],
    ...states.has('read-new') || states.has('verify') ? ['Give this map to every instance. Until an instance has it, its writes to what has moved are refused, never lost.'] : [],
    ...states.has('read-new') ? ['When every instance has it: nuxt-scale shards move --finish.'] : [],
    ...states.has('finished') || states.has('off') ? ['What is left on a shard goes with: nuxt-scale shards clean --delete.'] : [],
  ]
  return [table, ...differences, '', `${name} is at version ${version}.`, ...next].join('\n')
}
