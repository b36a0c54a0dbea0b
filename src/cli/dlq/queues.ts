import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { QUEUE_LIST } from '../../build/queue-list'
import type { ListedQueue } from '../../build/queue-list'
import { loadApp } from '../support/app'
import { listOf } from '../support/command'
import { CliFailure } from '../support/exit'

/** The flags that say which queues are meant. */
export const queueArgs = {
  queue: { type: 'string', description: 'These queues of consumers, separated by commas', valueHint: 'queues' },
  build: { type: 'string', description: 'The folder of the build, which lists the queues of the app', valueHint: 'folder', default: '.output' },
} as const

/**
 * The queues that a command works on: those of `--queue`, else all that the build of the app lists.
 *
 * @returns also what the build could not know: consumers that name their queue at run time
 * @throws CliFailure when there are none to be found
 */
export async function selectQueues(args: { queue?: string, build: string, cwd: string }): Promise<{ queues: string[], unnamed: string[] }> {
  const named = listOf(args.queue)
  if (named.length > 0) return { queues: [...new Set(named)], unnamed: [] }
  const { rootDir } = await loadApp(args.cwd)
  const path = resolve(rootDir, args.build, QUEUE_LIST)
  let listed: ListedQueue[]
  try {
    listed = (JSON.parse(await readFile(path, 'utf8')) as { queues: ListedQueue[] }).queues
  }
  catch {
    throw new CliFailure(`Which queues? Write --queue with their names, or run "nuxt build", which lists them in ${args.build}/${QUEUE_LIST}.`)
  }
  const queues = listed.flatMap(({ queue }) => queue ?? [])
  const unnamed = listed.filter(({ queue }) => queue === null).map(({ source }) => source)
  if (queues.length === 0) throw new CliFailure(`The build lists no queue by name${unnamed.length > 0 ? ` (${unnamed.join(', ')} name theirs at run time)` : ''}: write --queue with their names.`)
  return { queues, unnamed }
}
