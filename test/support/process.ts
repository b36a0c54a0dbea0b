import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { findCommand } from './binaries.ts'
import { waitFor } from './wait.ts'

/** What shows that a started process is ready: it accepts TCP connections, or prints a matching line. */
type ReadinessProbe = { port: number, host?: string } | { line: RegExp }

/** How a child process is started. */
export interface StartProcessOptions {
  /** Program to run. */
  command: string
  /** Its arguments. */
  args?: string[]
  /** Working folder. Default: that of this process. */
  cwd?: string
  /** The whole environment of the child. Default: that of this process. */
  env?: NodeJS.ProcessEnv
  /** Name used in error messages. Default: the command's base name. */
  name?: string
  /** Signal of readiness. Without it the process counts as ready once spawned. */
  ready?: ReadinessProbe
  /** Longest wait for readiness in milliseconds. Default 15000. */
  readyTimeout?: number
  /** Time between SIGTERM and SIGKILL in `stop()`, in milliseconds. Default 5000. */
  stopTimeout?: number
  /** How many of the last output lines are kept. Default 200. */
  outputLines?: number
}

/** How a process ended. */
export interface ProcessExit {
  /** Exit code, `null` when a signal ended it. */
  code: number | null
  /** The signal that ended it, else `null`. */
  signal: NodeJS.Signals | null
}

/** A running child process. */
export interface ManagedProcess {
  /** Process id. */
  readonly pid: number
  /** False once the process has ended. */
  readonly running: boolean
  /** Settles when the process has ended. Never rejects. */
  readonly exited: Promise<ProcessExit>
  /** The last lines of standard output and error, in order of arrival. */
  output: () => string[]
  /** SIGTERM, and SIGKILL when the process is still there after `stopTimeout`. Resolves when it has ended. */
  stop: () => Promise<ProcessExit>
  /** Sends a signal (default SIGKILL) and resolves when the process has ended. */
  kill: (signal?: NodeJS.Signals) => Promise<ProcessExit>
  /** Freezes the process (SIGSTOP); resolves when the kernel has stopped it. */
  pause: () => Promise<void>
  /** Lets a frozen process run on (SIGCONT). */
  resume: () => Promise<void>
}

const maximumLineLength = 4000
const registry = new Set<{ pid: number }>()

process.once('exit', () => {
  for (const { pid } of registry) {
    try {
      process.kill(pid, 'SIGKILL')
    }
    catch {
      // Already gone.
    }
  }
})

// A vitest worker may be killed itself, and then no exit handler runs: the kernel ends the child instead.
const setpriv = process.platform === 'linux' ? findCommand('setpriv') : undefined

function withParentDeathSignal(command: string, args: string[]): [string, string[]] {
  return setpriv ? [setpriv, ['--pdeathsig', 'SIGKILL', '--', command, ...args]] : [command, args]
}

function canConnect(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host })
    const finish = (result: boolean) => {
      socket.destroy()
      resolve(result)
    }
    socket.setTimeout(1000, () => finish(false))
    socket.once('connect', () => finish(true))
    socket.once('error', () => finish(false))
  })
}

async function isStopped(pid: number): Promise<boolean> {
  if (process.platform !== 'linux') {
    return true
  }
  const status = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The state follows the command name, which is in brackets and may itself hold blanks.
  return 'Tt'.includes(status.slice(status.lastIndexOf(')') + 2)[0] ?? '')
}

/**
 * Starts a program and waits until it is ready. The child ends with this process at the latest.
 * @throws Error with the last output lines when the process ends before it is ready, cannot be spawned, or
 * is not ready within `readyTimeout`
 */
export async function startProcess(options: StartProcessOptions): Promise<ManagedProcess> {
  const { command, args = [], cwd, env, ready, readyTimeout = 15_000, stopTimeout = 5000, outputLines = 200 } = options
  const name = options.name ?? basename(command)
  const child = spawn(...withParentDeathSignal(command, args), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: string[] = []
  const lineListeners = new Set<(line: string) => void>()
  let exit: ProcessExit | undefined

  for (const stream of [child.stdout, child.stderr] as Readable[]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line.slice(0, maximumLineLength))
      if (lines.length > outputLines) {
        lines.shift()
      }
      lineListeners.forEach(listener => listener(line))
    })
  }

  const exited = new Promise<ProcessExit>((resolve) => {
    const settle = (result: ProcessExit) => {
      exit ??= result
      registry.delete(entry)
      resolve(exit)
    }
    const entry = { pid: child.pid ?? 0 }
    if (child.pid) {
      registry.add(entry)
    }
    child.once('error', (error) => {
      lines.push(error.message)
      settle({ code: null, signal: null })
    })
    child.once('exit', (code, signal) => {
      exit ??= { code, signal }
      // Its last lines are read before it counts as ended, unless a process of its own holds the pipes open.
      const timer = setTimeout(settle, 500, exit)
      child.once('close', () => {
        clearTimeout(timer)
        settle({ code, signal })
      })
    })
  })

  const describe = (event: string) => `"${name}" ${event}. Its last output lines:\n${lines.slice(-20).join('\n') || '(none)'}`

  const signalAndWait = async (signal: NodeJS.Signals) => {
    if (!exit) {
      child.kill(signal)
      // A stopped process takes no other signal than SIGKILL until it continues.
      child.kill('SIGCONT')
    }
    return exited
  }

  const managed: ManagedProcess = {
    get pid() {
      return child.pid ?? 0
    },
    get running() {
      return exit === undefined
    },
    exited,
    output: () => [...lines],
    stop: async () => {
      const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeout)
      try {
        return await signalAndWait('SIGTERM')
      }
      finally {
        clearTimeout(timer)
      }
    },
    kill: (signal = 'SIGKILL') => signalAndWait(signal),
    pause: async () => {
      child.kill('SIGSTOP')
      await waitFor(() => isStopped(managed.pid), { interval: 1, message: `"${name}" to stop after SIGSTOP` })
    },
    resume: async () => {
      child.kill('SIGCONT')
      await waitFor(async () => !await isStopped(managed.pid), { interval: 1, message: `"${name}" to run after SIGCONT` })
    },
  }

  await waitUntilReady()
  return managed

  async function waitUntilReady(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    let polling = true
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(describe(`was not ready after ${readyTimeout} ms`))), readyTimeout)
    })
    const early = exited.then(({ code, signal }) => {
      throw new Error(describe(`ended before it was ready (${signal ?? `exit code ${code}`})`))
    })
    early.catch(() => {})
    try {
      await Promise.race([probe(), early, deadline])
    }
    catch (error) {
      await managed.kill()
      throw error
    }
    finally {
      polling = false
      clearTimeout(timer)
    }

    async function probe(): Promise<void> {
      if (!ready) {
        // An unknown command shows as an error on the next turn.
        return new Promise(resolve => child.pid ? child.once('spawn', resolve) : undefined)
      }
      if ('line' in ready) {
        const { line: pattern } = ready
        return new Promise((resolve) => {
          const listener = (line: string) => {
            if (pattern.test(line)) {
              lineListeners.delete(listener)
              resolve()
            }
          }
          lineListeners.add(listener)
        })
      }
      const { port, host = '127.0.0.1' } = ready
      while (polling && !await canConnect(port, host)) {
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    }
  }
}
