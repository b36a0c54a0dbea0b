import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Nuxt } from '@nuxt/schema'
import type { Nitro } from 'nitropack/types'
import type { Plugin } from 'rollup'
import { withPlainErrors } from './plain-error'

/** Name of the build file that lists the queues for the command line. */
export const QUEUE_LIST = 'nuxt-scale-queues.json'

/** The queue of one consumer, as known to the build. */
export interface ListedQueue {
  /** Path of the file, relative to the folder of the app. */
  source: string
  /** `null` if the name is set at run time. */
  queue: string | null
}

/**
 * Writes the queues of all consumers next to the built server, and rejects two consumers of the same queue.
 * A queue name that is not a literal is known only at run time, where the same check is repeated.
 */
export function writeQueueList(nuxt: Nuxt, consumers: () => readonly string[]): void {
  const { rootDir } = nuxt.options
  const found = new Map<string, ListedQueue>()
  nuxt.hook('nitro:config', (config) => {
    const plugin = createQueueListPlugin(consumers, (file, queue) => found.set(file, { source: relative(rootDir, file), queue }))
    // Nitro fills in the other fields of Rollup's options.
    config.rollupConfig = {
      ...config.rollupConfig,
      plugins: [plugin, ...[config.rollupConfig?.plugins].flat()],
    } as typeof config.rollupConfig
  })
  nuxt.hook('nitro:init', (instance) => {
    const nitro = instance as unknown as Nitro
    nitro.hooks.hook('compiled', () => {
      if (nitro.options.preset === 'nitro-prerender') return
      const queues = [...found.values()].sort((one, other) => one.source < other.source ? -1 : 1)
      withPlainErrors(nuxt, () => refuseTwins(queues))
      writeFileSync(join(nitro.options.output.dir, QUEUE_LIST), `${JSON.stringify({ queues }, null, 2)}\n`)
    })
  })
}

function refuseTwins(queues: readonly ListedQueue[]): void {
  const owners = new Map<string, string>()
  for (const { source, queue } of queues) {
    if (queue === null) continue
    const owner = owners.get(queue)
    if (owner !== undefined) {
      throw new Error(`[nuxt-scale] ${owner} and ${source} both consume the queue ${queue}, so each `
        + `would receive only a part of its messages: `
        + 'give each of them its own queue.')
    }
    owners.set(queue, source)
  }
}

interface Node {
  type: string
  [key: string]: unknown
}

/** The Rollup plugin of {@link writeQueueList}. Exported for its test. */
export function createQueueListPlugin(consumers: () => readonly string[], tell: (file: string, queue: string | null) => void): Plugin {
  return {
    name: 'nuxt-scale:queues',
    moduleParsed({ id, ast }) {
      if (ast && consumers().includes(id)) tell(id, queueOf(ast as unknown as Node))
    },
  }
}

/** Returns the literal after `queue:` in the call of `defineRabbitConsumer`. */
function queueOf(node: unknown): string | null {
  if (typeof node !== 'object' || node === null) return null
  if (Array.isArray(node)) return node.reduce<string | null>((found, child) => found ?? queueOf(child), null)
  const { type, callee, arguments: given } = node as Node
  if (type === 'CallExpression' && (callee as { name?: string }).name === 'defineRabbitConsumer') return literalOf((given as Node[])[0])
  return queueOf(Object.values(node))
}

function literalOf(argument: Node | undefined): string | null {
  if (argument?.type !== 'ObjectExpression') return null
  for (const { type, key, value } of argument.properties as {
    type: string
    key: { name?: string, value?: unknown }
    value: { type: string, value?: unknown }
  }[]) {
    if (type === 'Property' && (key.name ?? key.value) === 'queue' && value.type === 'Literal' && typeof value.value === 'string') {
      return value.value
    }
  }
  return null
}
