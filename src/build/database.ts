import { join } from 'node:path'
import { addServerImports, addServerPlugin, addServerTemplate, addTypeTemplate } from '@nuxt/kit'
import { OPTIONAL_PACKAGES } from '../runtime/server/database/prisma/drivers'
import { allowMissing } from './optional-packages'
import type { FeatureContext } from './feature'
import { findServerFile } from './virtual-modules'

const HELPERS = ['usePrisma', 'getTenantPrismaClient', 'withTenantDatabase']

/** Adds the type of the database clients. It is always added, so that imports of it do not depend on the options. */
export function addDatabaseTypes({ nuxt, options, runtime }: FeatureContext): void {
  const factory = options.database ? findServerFile(nuxt, 'scale.database') : undefined
  addTypeTemplate({
    filename: 'types/nuxt-scale-database.d.ts',
    getContents: () => databaseTypes(runtime('database/types'), factory),
  }, { nitro: true, node: true, nuxt: true })
}

/** Sets up the database clients: the factory of the app, and the helpers whose types come from it. */
export function setupDatabase({ nuxt, runtime }: FeatureContext): void {
  const factory = findServerFile(nuxt, 'scale.database')
  if (!factory) {
    if (nuxt.options._prepare) return
    throw new Error(`scale.database needs a factory: create ${join(nuxt.options.serverDir, 'scale.database.ts')} with, for Prisma 7, `
      + '"export default defineScaleDatabase(input => createPrismaClient(PrismaClient, input))", or remove scale.database.')
  }
  addServerTemplate({ filename: '#scale/database.mjs', getContents: () => `export { default } from ${JSON.stringify(factory)}\n` })
  allowMissing(nuxt, OPTIONAL_PACKAGES)
  addServerPlugin(runtime('database/plugin'))
  addServerImports(HELPERS.map(name => ({ name, from: runtime('database/utils') })))
  addServerImports(['getPagination', 'paginate'].map(name => ({ name, from: runtime('pagination/utils') })))
}

/**
 * Declares the type of the clients by interface merging, so that the helpers have it without an import of the app. Exported for its test.
 */
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
