import { spawn } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { redact } from '../../runtime/server/database/redact'

/** How a command ended. */
export interface CommandResult {
  ok: boolean
  exitCode: number | null
  milliseconds: number
  /** Its last lines, without the address. */
  output: string
  /** One sentence, when it failed. */
  message?: string
}

/** How a command is run. */
export interface CommandOptions {
  command: string
  cwd: string
  /** The environment of the child, the address included. */
  env: NodeJS.ProcessEnv
  /** The address, to be kept out of what is shown. */
  url: string
  /** Longest run in milliseconds. */
  timeout: number
  /** Ends the command. */
  signal: AbortSignal
}

/** Between asking a command to end and ending it. */
const GRACE = 5000
const MOST_OUTPUT = 16_384

/**
 * Runs a command line in a shell, with the programs of the app's packages in reach. It ends at its deadline at the latest,
 * with all processes that it started.
 */
export function runCommandLine({ command, cwd, env, url, timeout, signal }: CommandOptions): Promise<CommandResult> {
  const started = performance.now()
  return new Promise((resolve) => {
    let output = ''
    let ended: 'deadline' | 'interrupted' | undefined
    // A group of its own, so that a signal reaches the program behind the shell too.
    const child = spawn(command, { cwd, env: { ...env, PATH: programPath(cwd, env) }, shell: true, detached: process.platform !== 'win32', stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-MOST_OUTPUT)
      })
    }
    let killer: NodeJS.Timeout | undefined
    const end = (reason: 'deadline' | 'interrupted') => {
      if (ended) return
      ended = reason
      killGroup(child.pid, 'SIGTERM')
      killer = setTimeout(() => killGroup(child.pid, 'SIGKILL'), GRACE)
    }
    const timer = setTimeout(end, timeout, 'deadline')
    const interrupt = () => end('interrupted')
    signal.addEventListener('abort', interrupt)
    if (signal.aborted) interrupt()

    const settle = (exitCode: number | null, failure?: string) => {
      clearTimeout(timer)
      clearTimeout(killer)
      signal.removeEventListener('abort', interrupt)
      // What a program left behind in the background would hold the terminal.
      killGroup(child.pid, 'SIGKILL')
      const message = failure ?? (ended === 'deadline' ? `took longer than ${timeout} ms` : ended === 'interrupted' ? 'was interrupted' : exitCode === 0 ? undefined : `ended with code ${exitCode ?? 'none'}`)
      resolve({ ok: message === undefined, exitCode, milliseconds: Math.round(performance.now() - started), output: redact(output.trim(), url), message })
    }
    child.once('error', error => settle(null, `could not be started (${(error as NodeJS.ErrnoException).code})`))
    // Not 'close': a background process of the command may hold its output open for ever.
    child.once('exit', code => setImmediate(settle, code))
  })
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal)
  }
  catch {
    // Gone already.
  }
}

/** PATH with `node_modules/.bin` of the folder and of those above it, as npm gives it to scripts. */
function programPath(cwd: string, env: NodeJS.ProcessEnv): string {
  const folders: string[] = []
  for (let folder = cwd; ; folder = dirname(folder)) {
    folders.push(join(folder, 'node_modules/.bin'))
    if (folder === dirname(folder)) return [...folders, env.PATH ?? ''].join(delimiter)
  }
}
