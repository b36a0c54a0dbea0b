import { fork } from 'node:child_process'
import { once } from 'node:events'
import { bundleWorker } from './worker-bundle'

/** A TypeScript file that runs in an operating system process of its own and answers one message after the other. */
export interface Worker {
  ask: (message: object) => Promise<unknown>
  pause: () => void
  resume: () => void
  close: () => Promise<void>
}

/** @param entry name of a file in this folder */
export async function startWorker(entry: string): Promise<Worker> {
  const bundle = await bundleWorker(entry)
  const child = fork(bundle.file, { stdio: 'inherit' })
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  return {
    async ask(message) {
      const answer = once(child, 'message')
      child.send(message)
      return (await answer)[0]
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async close() {
      process.off('exit', end)
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      bundle.remove()
    },
  }
}
