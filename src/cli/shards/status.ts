import { defineScaleCommand, exitCodes } from '../support/command'
import { renderTable } from '../support/terminal'
import { mapArg, openMap } from './map-file'
import type { StatusReport } from './report'
import { percent, reportStatus } from './report'

/** The command `shards status`. */
export const statusCommand = defineScaleCommand({
  meta: { description: 'Print the slots of each shard and the state of each move' },
  examples: ['nuxt-scale shards status', 'nuxt-scale shards status --json'],
  args: { ...mapArg },
  async run({ args, terminal }) {
    const { map, stored, store: { name } } = await openMap(args)
    const report = reportStatus(map, stored)
    terminal.result(report, describe(report, name))
    return exitCodes.ok
  },
})

function describe({ version, slots, stored, balance, overrides, moving }: StatusReport, name: string): string {
  const lines = [
    stored ? `${name}, version ${version}` : `Map of the options, because ${name} does not exist yet`,
    '',
    renderTable(['shard', 'slots', 'share'], Object.entries(balance.slots).map(([shard, count]) => [shard, count, percent(count / slots)])),
    '',
    `${slots} slots, ${overrides} overrides. Fullest shard over the mean: ${balance.fullestOverMean}.`,
  ]
  if (moving.length === 0) return [...lines, 'No move is running.'].join('\n')
  return [
    ...lines,
    '',
    renderTable(
      ['from', 'to', 'slots', 'state', 'step'],
      moving.map(({ from, to, count, state, step, steps }) => [from, to, count, state, `${step} of ${steps}`]),
    ),
  ].join('\n')
}
