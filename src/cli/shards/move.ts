import { parseDuration } from '../../runtime/server/core/duration'
import { parseChoice } from '../../runtime/server/core/settings'
import { slotCounts, moveStates } from '../../runtime/server/shards/slot-map'
import type { MoveState, SlotMap, SlotMove } from '../../runtime/server/shards/slot-map'
import { countOf, defineScaleCommand, CliFailure, exitCodes } from '../support/command'
import { onInterrupt } from '../support/interrupt'
import { renderTable } from '../support/terminal'
import { addressOfShard } from './addresses'
import { chosenMoves, moveArgs, openStoredMoves } from './chosen-moves'
import { describeDifferences } from './report'
import { estimateRows } from '../../reshard/copy'
import { openMove } from '../../reshard/open-move'
import type { RunOptions, RunResult } from '../../reshard/run'
import { finishMove, runBack, runForward } from '../../reshard/run'
import { namedTables } from './named-tables'

/** Output of `shards move --json`. */
export interface MoveReport {
  moves: (Omit<RunResult, 'map'> & { from: string, to: string, before: MoveState })[]
  version: number
  map: string
}

/** The command `shards move`: advances the moves of the map, and copies their rows. */
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
    batch: { type: 'string', description: 'Number of rows to copy in one batch', valueHint: 'number', default: '1000' },
    pause: {
      type: 'string',
      description: 'Maximum pause of writes to the moving rows, when the new shard takes over',
      valueHint: 'duration',
      default: '5s',
    },
    until: { type: 'string', description: `Stop at this state: ${moveStates.join(', ')}`, valueHint: 'state', default: 'read-new' },
    finish: { type: 'boolean', description: 'Finish moves in the state read-new, after every instance has the newest map' },
    back: { type: 'boolean', description: 'Roll back: from read-new, return to the old shard; from any other state, cancel the move' },
  },
  async run({ args, terminal }) {
    const batch = countOf(args.batch, 'batch')
    const pause = parseDuration(args.pause, '--pause')
    const until = parseChoice(args.until, moveStates, '--until')
    if (args.finish && args.back) throw new CliFailure('--finish and --back exclude each other: write only one of them.')
    const stored = await openStoredMoves(args)
    const { settings, store } = stored
    let { map } = stored
    const moves: MoveReport['moves'] = []
    const interrupt = onInterrupt(() => terminal.log.warn('Interrupted: the command stops after this step. Run it again to continue.'))
    try {
      for (const move of chosenMoves(stored, args)) {
        if (interrupt.signal.aborted) break
        const name = `${move.from} → ${move.to}`
        const open = await openMove({
          store,
          settings,
          move,
          sameState: args.back,
          addressOf: shard => addressOfShard(stored, shard),
          tables: () => namedTables(args.tables, settings.tables),
          tablesGiven: args.tables !== undefined,
          mayBegin: !args.finish && !args.back,
        })
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
          const run = args.finish ? finishMove : args.back ? runBack : runForward
          const result = await run(open, options)
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

/** Estimated share of the old shard that moves, from 0 to 1. */
function shareOf(map: SlotMap, { slots, from }: SlotMove): number {
  return slots.length / (slotCounts(map).get(from) || slots.length)
}

function describe(moves: MoveReport['moves'], { version }: SlotMap, name: string): string {
  const rows = moves.map(({ from, to, before, state, paused }) => [from, to, before, state, paused ?? ''])
  const table = renderTable(['from', 'to', 'before', 'now', 'writes paused, ms'], rows)
  const differences = moves.flatMap(({ comparison }) => comparison ? describeDifferences(comparison) : [])
  const states = new Set(moves.map(({ state }) => state))
  const next = [
    ...differences.length > 0
      ? ['The rows of the two shards differ, so the app still reads the old shard. Read the documentation of shards, or roll back '
        + 'with --back.']
      : [],
    ...states.has('read-new') || states.has('verify')
      ? ['Give this map to every instance. Until an instance has it, its writes to moved rows are rejected, but never lost.']
      : [],
    ...states.has('read-new') ? ['After every instance has it, run: nuxt-scale shards move --finish'] : [],
    ...states.has('finished') || states.has('off') ? ['To delete the remaining rows, run: nuxt-scale shards clean --delete'] : [],
  ]
  return [table, ...differences, '', `${name} is at version ${version}.`, ...next].join('\n')
}
