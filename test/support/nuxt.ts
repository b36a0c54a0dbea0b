import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { productionEnvironment } from './environment.ts'
import { acquireLock } from './lock.ts'
import { freePort } from './ports.ts'
import { startProcess } from './process.ts'
import type { ProcessExit } from './process.ts'
import { waitFor } from './wait.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const buildScript = fileURLToPath(new URL('./build-nuxt.ts', import.meta.url))
const buildTimeout = 5 * 60_000
const requestTimeout = 10_000
const markerName = '.fixture-fingerprint'
const logName = '.fixture-build.log'
const generatedFolders = new Set(['node_modules', '.nuxt', '.output', '.data', '.nitro', '.cache', 'dist', '.git'])

/** How a fixture is built. */
export interface BuildFixtureOptions {
  /** Variables set during the build, on top of a clean production environment. */
  env?: NodeJS.ProcessEnv
  /** Nuxt's build folder, relative to the fixture. Default `.nuxt`. Give each variant of a fixture its own. */
  buildDir?: string
  /** Output folder, relative to the fixture. Default `.output`. */
  outputDir?: string
}

/**
 * Builds a Nuxt app with `nuxt build` in a child process, once: a second caller, in this or another worker,
 * waits for the first. A build is taken over as it is when neither the fixture nor the module's source nor
 * the options changed since.
 * @param rootDir the app's folder, absolute or relative to the working folder
 * @returns absolute path of the output folder, for {@link startNuxt}
 * @throws Error with the last output lines when the build fails or takes longer than five minutes
 */
export async function buildFixture(rootDir: string, options: BuildFixtureOptions = {}): Promise<string> {
  const root = resolve(rootDir)
  const buildDir = resolve(root, options.buildDir ?? '.nuxt')
  const outputDir = resolve(root, options.outputDir ?? '.output')
  const marker = join(outputDir, markerName)
  // Taken before the wait: a build that another caller began meanwhile is fresh enough for this one.
  const current = await fixtureFingerprint(root, options)
  const lock = await acquireLock(`build/${buildDir}`, buildTimeout)
  try {
    if (existsSync(marker) && await readFile(marker, 'utf8') === current) {
      return outputDir
    }
    await runBuild(root, buildDir, outputDir, options)
    await writeFile(marker, current)
    return outputDir
  }
  finally {
    lock.release()
  }
}

async function runBuild(root: string, buildDir: string, outputDir: string, options: BuildFixtureOptions): Promise<void> {
  const build = await startProcess({
    command: process.execPath,
    name: `nuxt build ${relative(repository, root)}`,
    args: [buildScript, root, options.buildDir ? buildDir : '', options.outputDir ? outputDir : ''],
    cwd: root,
    env: productionEnvironment({ NUXT_TELEMETRY_DISABLED: '1', ...options.env }),
  })
  const timer = setTimeout(() => build.kill(), buildTimeout)
  const { code, signal } = await build.exited
  clearTimeout(timer)
  if (code !== 0 || !existsSync(join(outputDir, 'server/index.mjs'))) {
    throw new Error(`"nuxt build" of ${root} failed (${signal ?? `exit code ${code}`}): mend what its last lines name.\n${build.output().slice(-60).join('\n')}`)
  }
  await writeFile(join(outputDir, logName), build.output().join('\n'))
}

/** The last 200 lines that the build of `outputDir` printed, without colours. */
export async function readBuildLog(outputDir: string): Promise<string[]> {
  return stripVTControlCharacters(await readFile(join(outputDir, logName), 'utf8')).split('\n')
}

/** Hash of everything a build reads: the fixture, the module's source, the locked dependencies, the options. */
export async function fixtureFingerprint(rootDir: string, options: BuildFixtureOptions = {}): Promise<string> {
  const root = resolve(rootDir)
  const outputs = [resolve(root, options.buildDir ?? '.nuxt'), resolve(root, options.outputDir ?? '.output')]
  const hash = createHash('sha256')
  hash.update(JSON.stringify([process.version, root, options]))
  for (const folder of [root, join(repository, 'src')]) {
    for (const file of await listFiles(folder, outputs)) {
      hash.update(`${file}\0`)
      hash.update(await readFile(file))
    }
  }
  const lockFile = join(repository, 'package-lock.json')
  hash.update(existsSync(lockFile) ? await readFile(lockFile) : '')
  return hash.digest('hex')
}

async function listFiles(folder: string, excluded: string[]): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const lists = await Promise.all(entries
    .filter(entry => !generatedFolders.has(entry.name) && !excluded.includes(join(folder, entry.name)))
    .map(entry => entry.isDirectory()
      ? listFiles(join(folder, entry.name), excluded)
      : entry.isFile() ? [join(folder, entry.name)] : []))
  return lists.flat().sort()
}

/** How a built app is started. */
export interface StartNuxtOptions {
  /** Port to listen on. Default: a free one. */
  port?: number
  /** Variables of the server, on top of a clean production environment: `NUXT_SCALE_REDIS_URL` for instance. */
  env?: NodeJS.ProcessEnv
}

/** One running instance of a built app. */
export interface NuxtInstance {
  /** Address without a slash at the end. */
  readonly url: string
  /** Port it listens on. */
  readonly port: number
  /** Process id. */
  readonly pid: number
  /** False once the server has ended. */
  readonly running: boolean
  /** Settles when the server has ended. */
  readonly exited: Promise<ProcessExit>
  /** Its last output lines. What it wrote a moment ago may still be on its way: wait with `logged` for a line that must be there. */
  logs: () => string[]
  /** Waits until a line of its output contains the string or matches the pattern, for 5 s at most. */
  logged: (line: string | RegExp) => Promise<void>
  /** A request to a path of this instance; it fails after 10 s unless `init.signal` is given. */
  fetch: (path: string, init?: RequestInit) => Promise<Response>
  /** SIGTERM, then SIGKILL after 10 s; resolves when the server has ended. */
  stop: () => Promise<ProcessExit>
  /** Sends a signal (default SIGKILL); resolves when the server has ended. */
  kill: (signal?: NodeJS.Signals) => Promise<ProcessExit>
  /** Freezes the server (SIGSTOP). */
  pause: () => Promise<void>
  /** Lets a frozen server run on. */
  resume: () => Promise<void>
}

/**
 * Starts a built app with the Node that runs the tests, and waits until it accepts connections. No request
 * is made, so the app's counters and caches are untouched.
 * @param outputDir what {@link buildFixture} returned
 * @throws Error with the last output lines when the server does not come up
 */
export async function startNuxt(outputDir: string, options: StartNuxtOptions = {}): Promise<NuxtInstance> {
  const host = '127.0.0.1'
  const port = options.port ?? await freePort()
  const url = `http://${host}:${port}`
  const server = await startProcess({
    command: process.execPath,
    name: `the Nuxt server on port ${port}`,
    args: [join(resolve(outputDir), 'server/index.mjs')],
    env: productionEnvironment({ PORT: String(port), NITRO_PORT: String(port), HOST: host, NITRO_HOST: host, ...options.env }),
    ready: { port, host },
    stopTimeout: 10_000,
    outputLines: 1000,
  })
  return {
    url,
    port,
    pid: server.pid,
    get running() {
      return server.running
    },
    exited: server.exited,
    logs: server.output,
    logged: async (line) => {
      const isThere = typeof line === 'string' ? (written: string) => written.includes(line) : (written: string) => line.test(written)
      await waitFor(() => server.output().some(isThere), { message: () => `${line} in the output:\n${server.output().join('\n')}` })
    },
    fetch: (path, init = {}) => fetch(`${url}${path}`, { signal: AbortSignal.timeout(requestTimeout), ...init }),
    stop: server.stop,
    kill: server.kill,
    pause: server.pause,
    resume: server.resume,
  }
}
