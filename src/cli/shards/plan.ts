import { startMoves } from '../../runtime/server/shards/moves'
import { planShards } from '../../runtime/server/shards/plan'
import type { SlotMap } from '../../runtime/server/shards/slot-map'
import { defineScaleCommand, listOf, CliFailure, exitCodes } from '../support/command'
import { renderTable } from '../support/terminal'
import { mapArg, openMap } from './map-file'
import type { PlanReport } from './report'
import { percent, reportPlan } from './report'

/** The command `shards plan`. */
export const planCommand = defineScaleCommand({
  meta: { description: 'Print the fewest moves that add or remove shards' },
  examples: [
    'nuxt-scale shards plan --add eu2',
    'nuxt-scale shards plan --add eu2,eu3 --remove us --write',
    'nuxt-scale shards plan --add eu2 --map server/shards.json --json',
  ],
  args: {
    add: { type: 'string', description: 'Shards to add, separated by commas', valueHint: 'shards' },
    remove: { type: 'string', description: 'Shards to remove, separated by commas; all their slots move to '
      + 'the others', valueHint: 'shards' },
    write: { type: 'boolean', description: 'Store the next version of the map, with these moves; no data moves yet' },
    ...mapArg,
  },
  async run({ args, terminal }) {
    const { map, settings, store } = await openMap(args)
    const add = listOf(args.add)
    const planOf = (map: SlotMap) => planShards(map, { add, remove: listOf(args.remove) })
    let plan = planOf(map)
    if (args.write) {
      const missing = settings && add.find(shard => !settings.map.has(shard))
      // An app does not start with a map that contains a shard without an address.
      if (missing !== undefined) {
        throw new CliFailure(`The shard ${missing} does not have an address: add it to scale.shards.map before you store the map.`)
      }
      await store.update((map) => {
        plan = planOf(map)
        return startMoves(plan)
      })
    }
    const report: PlanReport = { ...reportPlan(plan, plan.before.version + 1), ...args.write && { written: store.name } }
    terminal.result(report, describe(report))
    return exitCodes.ok
  },
})

function describe({ moves, moved, share, before, after, version, written }: PlanReport): string {
  const shards = [...new Set([...Object.keys(before.slots), ...Object.keys(after.slots)])]
  return [
    renderTable(['from', 'to', 'slots', 'which'], moves.map(({ from, to, count, slots }) => [from, to, count, slots])),
    '',
    renderTable(['shard', 'before', 'after'], shards.map(shard => [shard, before.slots[shard] ?? 0, after.slots[shard] ?? 0])),
    '',
    `${moved} slots move, ${percent(share)} of the data. Fullest shard over the mean: ${before.fullestOverMean} before, `
    + `${after.fullestOverMean} after.`,
    written === undefined
      ? 'The plan is not stored. Add --write to store it.'
      : `Version ${version.after} is stored in ${written}. No data has moved yet. To move it, run: nuxt-scale shards move`,
  ].join('\n')
}
