import { relative, resolve } from 'node:path'
import type { ArgsDef, ParsedArgs } from 'citty'
import { createTopology } from '../../deploy/create-topology'
import type { Topology } from '../../deploy/topology'
import { loadApp } from '../support/app'
import { writeFileAtomically } from '../../reshard/atomic-file'
import type { ScaleCommand } from '../support/command'
import { defineScaleCommand, exitCodes } from '../support/command'

const outputArg = {
  output: { type: 'string', description: 'Write to this file instead of stdout, relative to the current folder', valueHint: 'file' },
} as const satisfies ArgsDef

/** Defines a command that generates one document from the options of the app. `--json` prints the topology of the app instead. */
export function defineDocumentCommand<const Args extends ArgsDef>({ args: own, render, ...rest }: {
  meta: { description: string }
  examples: string[]
  args: Args
  render: (topology: Topology, args: ParsedArgs<Args>) => string
}): ScaleCommand {
  return defineScaleCommand({
    ...rest,
    args: { ...own, ...outputArg },
    resultOnly: true,
    async run({ args, terminal }) {
      const { output } = args as { output?: string }
      const { options, paths } = await loadApp(args.cwd as string)
      const topology = createTopology({ options, paths })
      const text = render(topology, args as ParsedArgs<Args>)
      if (output !== undefined) {
        const path = resolve(output)
        await writeFileAtomically(path, text)
        terminal.log.success(`The file ${relative('.', path)} is written.`)
      }
      if (output === undefined || args.json) terminal.result(topology, text.trimEnd())
      return exitCodes.ok
    },
  })
}
