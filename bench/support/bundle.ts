import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

/**
 * Bundles the cache of `src/runtime`, whose imports carry no extension, so that Node can run it.
 * @param directory where to; it goes away with its owner
 * @returns address of the bundle
 */
export async function bundleEngine(directory: string): Promise<string> {
  const outfile = join(directory, 'engine.mjs')
  await build({
    entryPoints: [fileURLToPath(new URL('./engine-entry.ts', import.meta.url))],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node22',
    logLevel: 'warning',
  })
  // The bundle finds ioredis and lru-cache where the bench itself finds them, so both use one copy.
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(directory, 'node_modules'), 'dir')
  return pathToFileURL(outfile).href
}
