import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { addServerImports, addServerPlugin, addTypeTemplate, getLayerDirectories } from '@nuxt/kit'
import type { FeatureContext } from './types'

const HELPERS = ['usePrisma', 'getTenantPrismaClient', 'withTenantDatabase']
const FACTORY = 'scale.database'
const EXTENSIONS = ['.ts', '.mts', '.js', '.mjs']

/** The database clients: the user's factory, and the helpers whose types follow from it. */
export function setupDatabase({ nuxt, options, runtime, entry }: FeatureContext): void {
  const layers = getLayerDirectories(nuxt)
  const factory = layers.flatMap(({ server }) => EXTENSIONS.map(extension => join(server, FACTORY + extension))).find(existsSync)
  addTypeTemplate({ filename: 'types/nuxt-scale-database.d.ts', getContents: () => databaseTypes(runtime('database/types'), options.database ? factory : undefined) }, { nitro: true, node: true, nuxt: true })
  if (!options.database) return

  // An installed package is found by its exports; the apps of this repository load the module from its source.
  for (const name of ['config', 'prisma']) {
    const source = entry(`${name}.ts`)
    if (existsSync(source)) nuxt.options.alias[`nuxt-scale/${name}`] ??= source
  }
  if (!factory) {
    if (nuxt.options._prepare) return
    throw new Error(`scale.database needs a factory: create ${join(layers[0]!.server, `${FACTORY}.ts`)} with, for Prisma 7, "export default defineScaleDatabase(input => createPrismaClient(PrismaClient, input))", or remove scale.database.`)
  }
  nuxt.options.nitro.virtual = { ...nuxt.options.nitro.virtual, '#scale/database.mjs': () => `export { default } from ${JSON.stringify(factory)}\n` }
  addServerPlugin(runtime('database/plugin'))
  addServerImports(HELPERS.map(name => ({ name, from: runtime('database/utils') })))
}

/** The type of the clients. An interface is merged into, so that the helpers carry it without importing the app. Exported for its test. */
export function databaseTypes(types: string, factory: string | undefined): string {
  const client = factory && `
declare module ${JSON.stringify(types)} {
  interface ScaleDatabaseRegister {
    client: Awaited<ReturnType<typeof import(${JSON.stringify(factory.replace(/\.\w+$/, ''))}).default>>
  }
}
`
  return `${client ?? ''}
export {}
`
}
