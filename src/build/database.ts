import { join } from 'node:path'
import { addServerImports, addServerPlugin, addServerTemplate, addTypeTemplate } from '@nuxt/kit'
import { OPTIONAL_PACKAGES } from '../runtime/server/database/prisma/drivers'
import { allowMissing } from './optional-packages'
import type { FeatureContext } from './types'
import { findServerFile } from './user-file'

const HELPERS = ['usePrisma', 'getTenantPrismaClient', 'withTenantDatabase']

/** Sets up the database clients: the factory of the app, and the helpers whose types come from it. */
export function setupDatabase({ nuxt, options, runtime }: FeatureContext): void {
  const factory = findServerFile(nuxt, 'scale.database')
  addTypeTemplate({
    filename: 'types/nuxt-scale-database.d.ts',
    getContents: () => databaseTypes(runtime('database/types'), options.database ? factory : undefined),
  }, { nitro: true, node: true, nuxt: true })
  if (!options.database) return

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
