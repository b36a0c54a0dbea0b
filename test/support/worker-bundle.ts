import { join } from 'node:path'
import { build } from 'esbuild'
import { createTemporaryDirectory } from './temporary-directory.ts'

/** A file of `test/support` that Node can run, with the code of `src/runtime` in it, whose imports carry no extension. */
export interface WorkerBundle {
  readonly file: string
  remove: () => void
}

export async function bundleWorker(entry: string): Promise<WorkerBundle> {
  const directory = createTemporaryDirectory('worker')
  const file = join(directory.path, 'worker.mjs')
  await build({
    entryPoints: [new URL(entry, import.meta.url).pathname],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  })
  return { file, remove: directory.remove }
}
