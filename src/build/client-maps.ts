import { existsSync } from 'node:fs'
import { cp, glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import type { Nuxt } from '@nuxt/schema'
import type { Nitro } from 'nitropack/types'
import { MAPS_FOLDER } from '../runtime/server/monitoring/stack-resolver'

/**
 * Keeps the source maps of the client beside the server, so that it can resolve stacks, and out of the public files. If the app sets
 * source maps of the client itself, its maps stay where they are, and the server gets a copy.
 */
export function keepClientMaps(nuxt: Nuxt): void {
  if (nuxt.options.dev) return
  const isChosen = setsClientMaps(nuxt)
  if (!isChosen) nuxt.options.sourcemap.client = 'hidden'
  const kept = join(nuxt.options.buildDir, 'scale-client-maps')

  nuxt.hook('nitro:build:before', async (instance) => {
    await collectMaps(join(nuxt.options.buildDir, 'dist/client'), kept, nuxt.options.rootDir, isChosen)
    const nitro = instance as unknown as Nitro
    nitro.hooks.hook('compiled', async () => {
      const { serverDir } = nitro.options.output
      if (existsSync(serverDir)) await cp(kept, join(serverDir, MAPS_FOLDER), { recursive: true })
    })
  })
}

/** Whether the app, or one of its layers, says where the source maps of the client go. */
function setsClientMaps({ options }: Nuxt): boolean {
  return options.vite.build?.sourcemap !== undefined || options._layers.some(({ config }) => {
    const { sourcemap } = config as { sourcemap?: boolean | { client?: unknown } }
    return typeof sourcemap === 'object' ? sourcemap.client !== undefined : sourcemap !== undefined
  })
}

interface RawMap {
  sources: (string | null)[]
  sourcesContent?: unknown
}

/** Moves or copies the maps of the client into one folder, without the sources themselves. */
async function collectMaps(from: string, to: string, rootDir: string, isCopy: boolean): Promise<void> {
  await rm(to, { recursive: true, force: true })
  await mkdir(to, { recursive: true })
  for await (const file of glob('**/*.map', { cwd: from })) {
    const path = join(from, file)
    const { sourcesContent: _, ...map } = JSON.parse(await readFile(path, 'utf8')) as RawMap
    const sources = map.sources.map(source => source && nameSource(resolveSource(source, [from, dirname(path)], rootDir), rootDir))
    await writeFile(join(to, basename(file)), JSON.stringify({ ...map, sources }))
    if (!isCopy) await rm(path)
  }
}

/** Finds a source. Bundlers write its path relative to the map, to the folder of the client, or to a folder that does not exist. */
function resolveSource(source: string, folders: readonly string[], rootDir: string): string {
  const inApp = resolve(rootDir, source.replace(/^(?:\.\.\/)+/, ''))
  return [...folders.map(folder => resolve(folder, source)), inApp].find(existsSync) ?? inApp
}

/** Names a source by its path in the app or in `node_modules`. */
function nameSource(path: string, rootDir: string): string {
  const inside = path.lastIndexOf('node_modules/')
  return inside < 0 ? relative(rootDir, path) : path.slice(inside)
}
