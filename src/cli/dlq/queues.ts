import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { QUEUE_LIST } from '../../build/rabbitmq-queues'
import type { ListedQueue } from '../../build/rabbitmq-queues'
import { loadApp } from '../support/app'
import { listOf, CliFailure } from '../support/command'

/** Flags that select queues. */
export const queueArgs = {
  queue: { type: 'string', description: 'Queues of consumers, separated by commas (default: all queues of '
    + 'the build)', valueHint: 'queues' },
  build: { type: 'string', description: 'The folder of the build, which contains the list '
    + 'of queues', valueHint: 'folder', default: '.output' },
} as const

/**
 * Selects the queues that a command works on: those of `--queue`, else all queues that the build of the app lists.
 *
 * @returns the queues, and in `unnamed` the consumers that set their queue at run time, which the build cannot know
 * @throws CliFailure if no queue is found
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
    throw new CliFailure(`No list of queues in ${args.build}/${QUEUE_LIST}: run "nuxt build", which creates it, or `
      + `write --queue with the names of the queues.`)
  }
  const queues = listed.flatMap(({ queue }) => queue ?? [])
  const unnamed = listed.filter(({ queue }) => queue === null).map(({ source }) => source)
  if (queues.length === 0) {
    const reason = unnamed.length > 0 ? ` (these consumers set their queue at run time: ${unnamed.join(', ')})` : ''
    throw new CliFailure(`The build does not list any queue${reason}: write --queue with the names of the queues.`)
  }
  return { queues, unnamed }
}
