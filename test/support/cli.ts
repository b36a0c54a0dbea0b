import { execFile, spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { buildSync } from 'esbuild'
import { productionEnvironment } from './environment'
import { createTemporaryDirectory } from './temporary-directory'

/** The command line in one file, as the package has it. The source would be compiled anew by each of a hundred processes. */
const bin = resolve('test/.tmp/cli.mjs')
const unfinished = `${bin}.${process.pid}`
buildSync({ entryPoints: ['src/cli.ts'], outfile: unfinished, bundle: true, packages: 'external', platform: 'node', format: 'esm' })
renameSync(unfinished, bin)

/** What a command line left. */
export interface CliRun {
  code: number | null
  stdout: string
  stderr: string
}

/** A folder with a nuxt.config, in which the command line is run. */
export interface CliApp {
  path: string
  /** Runs `nuxt-scale` to its end. */
  run: (args: string[], env?: NodeJS.ProcessEnv) => Promise<CliRun>
  /** Starts `nuxt-scale` and leaves it running. */
  start: (args: string[], env?: NodeJS.ProcessEnv) => ChildProcessWithoutNullStreams
  remove: () => void
}

/**
 * Writes an app for the command line.
 *
 * @param scale the `scale:` block, as source text
 * @param files further files, by their path
 */
export function createCliApp(scale: string, files: Record<string, string> = {}): CliApp {
  const { path, remove } = createTemporaryDirectory('cli')
  // A config that speaks must not spoil a document on stdout.
  const all = { 'nuxt.config.ts': `console.log('a config that speaks')\nexport default defineNuxtConfig({ scale: ${scale} })\n`, ...files }
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), text)
  }
  symlinkSync(resolve('node_modules'), join(path, 'node_modules'))
  const options = (env?: NodeJS.ProcessEnv) => ({ cwd: path, env: productionEnvironment({ NODE_ENV: undefined, CI: '1', ...env }) })
  return {
    path,
    remove,
    run: (args, env) => new Promise((done) => {
      execFile(process.execPath, [bin, ...args], { ...options(env), timeout: 120_000, killSignal: 'SIGKILL', maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        done({ code: error ? typeof error.code === 'number' ? error.code : null : 0, stdout, stderr })
      })
    }),
    start: (args, env) => {
      const child = spawn(process.execPath, [bin, ...args], options(env))
      child.stdin.end()
      return child
    },
  }
}
