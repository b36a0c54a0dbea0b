import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { addServerImports, addServerPlugin, addServerTemplate } from '@nuxt/kit'
import type { FeatureContext } from './types'
import { consumerFolders, findConsumers, watchConsumers } from './rabbitmq-consumers'
import { writeQueueList } from './rabbitmq-queues'

const HELPERS = ['useRabbit', 'defineRabbitConsumer', 'RejectMessage', 'RetryMessage']

/** Sets up `useRabbit()` and the consumers of `server/consumers/`. Call it before the setup of the database, so that it closes first. */
export function setupRabbitmq({ nuxt, options, runtime }: FeatureContext): void {
  if (!options.rabbitmq) return
  const { rootDir } = nuxt.options
  const scale = nuxt.options.runtimeConfig.scale as unknown as { rabbitmq: { appId: string } }
  scale.rabbitmq.appId ||= readAppName(rootDir)

  const folders = consumerFolders(nuxt)
  addServerTemplate({ filename: '#scale/consumers.mjs', getContents: () => consumersModule(findConsumers(folders), rootDir) })
  if (options.rabbitmq.outbox) addServerPlugin(runtime('rabbitmq/outbox/plugin'))
  addServerPlugin(runtime('rabbitmq/plugin'))
  addServerImports(HELPERS.map(name => ({ name, from: runtime('rabbitmq/utils') })))
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
