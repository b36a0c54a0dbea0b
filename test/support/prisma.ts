import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { productionEnvironment } from './environment.ts'
import { acquireLock } from './lock.ts'

const run = promisify(execFile)
const generateTimeout = 60_000

/** The tables of `prisma/schema.prisma` in the fixture, as SQL: pushing a schema needs an engine from the network. */
export const itemTable = 'create table "Item" (id serial primary key, name text not null)'

/**
 * Writes the Prisma client of a fixture, once for all that ask, without the network.
 * @param rootDir a folder with `prisma/schema.prisma`, whose output is `server/generated/prisma`
 * @returns absolute path of the file that exports `PrismaClient`
 */
export async function generatePrisma(rootDir: string): Promise<string> {
  const root = resolve(rootDir)
  const schema = join(root, 'prisma/schema.prisma')
  const output = join(root, 'server/generated/prisma')
  const marker = join(output, '.schema')
  const lock = await acquireLock(`prisma/${root}`, generateTimeout)
  try {
    const { resolve: find } = createRequire(import.meta.url)
    const current = `${find('prisma/package.json')}\n${await readFile(find('prisma/package.json'), 'utf8')}\n${await readFile(schema, 'utf8')}`
    if (!existsSync(marker) || await readFile(marker, 'utf8') !== current) {
      await rm(output, { recursive: true, force: true })
      await run(process.execPath, [join(find('prisma/package.json'), '../build/index.js'), 'generate', '--schema', schema], {
        cwd: root,
        timeout: generateTimeout,
        // The command line fetches this engine before it does anything else, and never runs it.
        env: productionEnvironment({ PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' }),
      })
      await writeFile(marker, current)
    }
    return join(output, 'client.ts')
  }
  finally {
    lock.release()
  }
}
