import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { productionEnvironment } from './environment.ts'

const execute = promisify(execFile)
const repository = fileURLToPath(new URL('../..', import.meta.url))
const modules = join(repository, 'node_modules')
const commandTimeout = 5 * 60_000

/** A package that was built and packed. */
export interface PackedModule {
  /** The folder that was packed, with its `package.json` and `dist`. */
  folder: string
  /** The `.tgz` that `npm install` takes. */
  tarball: string
}

/**
 * Packs the module as a release would be: `npm pack` in a copy that holds what a fresh clone holds and the installed packages,
 * so the package's own `prepack` must do all the work.
 * @param directory an empty folder to do it in
 */
export async function packModule(directory: string): Promise<PackedModule> {
  const folder = join(directory, 'source')
  const { stdout } = await execute('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: repository })
  for (const file of stdout.split('\0').filter(name => name !== '' && existsSync(join(repository, name)))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    cpSync(join(repository, file), join(folder, file))
  }
  symlinkSync(modules, join(folder, 'node_modules'))
  const output = await run('npm', ['pack', '--silent'], { cwd: folder, bin: join(modules, '.bin') })
  return { folder, tarball: join(folder, output.trim().split('\n').at(-1)!) }
}

/**
 * Copies an app into a folder of its own and installs packages into it, with nothing of this repository in reach:
 * its dependencies are what npm makes of the packages' own lists.
 * @param fixture the app's folder
 * @param packages what `npm install` is given
 * @returns a function that runs a command of the app, in the app
 */
export async function installApp(fixture: string, app: string, packages: string[]): Promise<(command: string, args: string[]) => Promise<string>> {
  cpSync(fixture, app, { recursive: true })
  const there = { cwd: app, bin: join(app, 'node_modules/.bin') }
  await run('npm', ['install', ...packages, '--prefer-offline', '--no-audit', '--no-fund', '--no-progress'], there)
  return (command, args) => run(command, args, there)
}

/** The version of one of our own dependencies that is installed here, as a spec for npm. */
export function installedSpec(name: string): string {
  const { version } = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')) as { version: string }
  return `${name}@${version}`
}

/** Runs a command that finds the programs of `bin` and of the system, and of no other folder of packages. Returns its standard output. */
async function run(command: string, args: string[], { cwd, bin }: { cwd: string, bin: string }): Promise<string> {
  const system = (process.env.PATH ?? '').split(delimiter).filter(folder => !folder.includes('node_modules'))
  const PATH = [bin, dirname(process.execPath), ...system].join(delimiter)
  const env = productionEnvironment({ PATH, NUXT_TELEMETRY_DISABLED: '1' })
  try {
    return (await execute(command, args, { cwd, env, timeout: commandTimeout, maxBuffer: 64 * 1024 * 1024 })).stdout
  }
  catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string, stderr?: string }
    throw new Error(`"${command} ${args.join(' ')}" failed:\n${`${stdout}\n${stderr}`.trim().split('\n').slice(-60).join('\n') || message}`, { cause: error })
  }
}
