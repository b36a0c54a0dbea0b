/**
 * `nuxt build` with a build and an output folder of choice, which the command line has no flags for.
 * Arguments: root folder, build folder, output folder; an empty one means Nuxt's default.
 */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [rootDir = '.', buildDir = '', outputDir = ''] = process.argv.slice(2)

// Nuxt brings its command line along, so it is looked up from Nuxt's own folder.
const fromNuxt = createRequire(createRequire(import.meta.url).resolve('nuxt/package.json'))
const { runCommand } = await import(pathToFileURL(fromNuxt.resolve('@nuxt/cli')).href) as {
  runCommand: (name: string, args: string[], data: { overrides: Record<string, unknown> }) => Promise<unknown>
}

await runCommand('build', [rootDir], {
  overrides: {
    ...(buildDir ? { buildDir } : {}),
    ...(outputDir ? { nitro: { preset: process.env.NITRO_PRESET, output: { dir: outputDir } } } : {}),
  },
})
