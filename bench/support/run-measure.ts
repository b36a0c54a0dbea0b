import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { MeasureMessage } from './measure-process.ts'
import type { Outcome } from './types.ts'

/** Milliseconds after which a measure is given up. */
const TIME_LIMIT = 15 * 60_000

/** How a measure is run. */
export interface RunMeasureOptions {
  /** 0 for the measure's own number. */
  rounds: number
  env: NodeJS.ProcessEnv
  progress: (text: string) => void
}

/** What came out, with the measure's title and the number of rounds. */
export interface Measured extends Outcome {
  title: string
  rounds: number
}

/**
 * Runs a measure in a process of its own.
 * @throws Error when it fails or takes longer than 15 minutes; its own words are on standard error
 */
export function runMeasure(name: string, { rounds, env, progress }: RunMeasureOptions): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./measure-process.ts', import.meta.url)), [name, String(rounds)], {
      env,
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT)
    let measured: Measured | undefined
    child.on('message', (message: MeasureMessage) => {
      if ('progress' in message) progress(message.progress)
      else measured = { title: message.title, rounds: message.rounds, ...message.outcome }
    })
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      if (measured) resolve(measured)
      else reject(new Error(`The measure ${name} ended without a result (${signal ?? `exit code ${code}`}).`))
    })
  })
}
