import { spawn } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { redact } from '../../runtime/server/database/redact'

/** Result of a command. */
export interface CommandResult {
  ok: boolean
  exitCode: number | null
  milliseconds: number
  /** The last output, without the address. */
  output: string
  /** Why the command failed. */
  message?: string
}

/** Options of {@link runCommandLine}. */
export interface CommandOptions {
  command: string
  cwd: string
  /** Environment variables of the child process, including the address. */
  env: NodeJS.ProcessEnv
  /** The address, which is removed from the output. */
  url: string
  /** Maximum time in milliseconds. */
  timeout: number
  /** Stops the command. */
  signal: AbortSignal
}

/** Milliseconds between SIGTERM and SIGKILL. */
const GRACE = 5000
/** Characters. */
const MOST_OUTPUT = 16_384

/**
 * Runs a command line in a shell. Its PATH includes the programs in `node_modules/.bin`.
 * At the deadline, the command and all processes that it started are stopped.
 */
export function runCommandLine({ command, cwd, env, url, timeout, signal }: CommandOptions): Promise<CommandResult> {
  const started = performance.now()
  return new Promise((resolve) => {
    let output = ''
    let ended: 'deadline' | 'interrupted' | undefined
    // A process group, so that signals also reach the programs that the shell starts.
    const child = spawn(command, {
      cwd,
      env: { ...env, PATH: programPath(cwd, env) },
      shell: true,
      detached: process.platform !== 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
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
      // Background processes of the command would keep the terminal open.
      killGroup(child.pid, 'SIGKILL')
      const code = exitCode === 0 ? undefined : `exited with code ${exitCode ?? 'none'}`
      const message = failure
        ?? (ended === 'deadline' ? `took longer than ${timeout} ms` : ended === 'interrupted' ? 'was interrupted' : code)
      const milliseconds = Math.round(performance.now() - started)
      resolve({ ok: message === undefined, exitCode, milliseconds, output: redact(output.trim(), url), message })
    }
    child.once('error', error => settle(null, `could not be started (${(error as NodeJS.ErrnoException).code})`))
    // Not 'close': a background process of the command may keep the output open forever.
    child.once('exit', code => setImmediate(settle, code))
  })
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal)
  }
  catch {
    // The process has already exited.
  }
}

/** PATH that begins with `node_modules/.bin` of the folder and of its parent folders, as in npm scripts. */
function programPath(cwd: string, env: NodeJS.ProcessEnv): string {
  const folders: string[] = []
  for (let folder = cwd; ; folder = dirname(folder)) {
    folders.push(join(folder, 'node_modules/.bin'))
    if (folder === dirname(folder)) return [...folders, env.PATH ?? ''].join(delimiter)
  }
}
