import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { addServerTemplate } from '@nuxt/kit'
import type { FeatureContext } from './feature'
import { consumerFolders, findConsumers, watchConsumers } from './rabbitmq-consumers'
import { writeQueueList } from './rabbitmq-queues'

/** Sets up the consumers of `server/consumers/`. */
export function setupRabbitmq({ nuxt }: FeatureContext): void {
  const { rootDir } = nuxt.options
  const scale = nuxt.options.runtimeConfig.scale as unknown as { rabbitmq: { appId: string } }
  scale.rabbitmq.appId ||= readAppName(rootDir)

  const folders = consumerFolders(nuxt)
  addServerTemplate({ filename: '#scale/consumers.mjs', getContents: () => consumersModule(findConsumers(folders), rootDir) })
  if (nuxt.options.dev) watchConsumers(nuxt, folders)
  else writeQueueList(nuxt, () => findConsumers(folders))
}

/** Returns the source of the module that imports all consumers. Exported for its test. */
export function consumersModule(files: readonly string[], rootDir: string): string {
  const imports = files.map((file, index) => `import consumer${index} from ${JSON.stringify(file)}\n`)
  const entries = files.map((file, index) => `  { source: ${JSON.stringify(relative(rootDir, file))}, consumer: consumer${index} },\n`)
  return `${imports.join('')}export default [\n${entries.join('')}]\n`
}

function readAppName(rootDir: string): string {
  try {
    const { name } = JSON.parse(readFileSync(join(rootDir, 'package.json'), 'utf8')) as { name?: unknown }
    return typeof name === 'string' ? name : ''
  }
  catch {
    return ''
  }
}
