import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { productionEnvironment } from '../support/environment'
import { generatePrisma } from '../support/prisma'
import type { Block } from './blocks'
import { wholeConfig } from './config'

const run = promisify(execFile)
/** The app of the reader. */
const reader = resolve('test/fixtures/docs')
const folder = resolve('test/.tmp/docs')
const serverTypes = ['nitro-nuxt', 'nitro-imports', 'nitro', 'nuxt-scale', 'nuxt-scale-cache', 'nuxt-scale-database', 'nuxt-scale-virtual']

/**
 * Type-checks blocks of TypeScript as files of an app in which every feature is on. The blocks of a page are files of one app,
 * as long as no two of them are the same file.
 *
 * @returns an error a line, with the page and the line of the block
 */
export async function typeCheck(blocks: readonly Block[]): Promise<string[]> {
  rmSync(folder, { recursive: true, force: true })
  const owners = new Map<string, Block>()
  for (const block of blocks) {
    const path = pathFor(block, owners)
    owners.set(path, block)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, fileOf(block))
  }
  for (const app of new Set([...owners.keys()].map(path => appOf(path)))) {
    if (!existsSync(join(app, 'server'))) continue
    cpSync(join(reader, 'server/utils'), join(app, 'server/utils'), { recursive: true, force: false })
    mkdirSync(join(app, 'server/generated/prisma'), { recursive: true })
    writeFileSync(join(app, 'server/generated/prisma/client.ts'), `export * from ${JSON.stringify(join(reader, 'server/generated/prisma/client'))}\n`)
  }
  await Promise.all([generatePrisma(reader), nuxt('prepare', reader)])
  const isOfBrowser = (path: string) => relative(appOf(path), path).startsWith('app/plugins/')
  const paths = [...owners.keys()]
  const errors = [...await check(paths.filter(path => !isOfBrowser(path))), ...await checkInBrowser(paths.filter(isOfBrowser))]
  return errors.map((line) => {
    const [, path, message] = /^(.+?)\(\d+,\d+\): (.*)$/.exec(line) ?? []
    const owner = path && owners.get(resolve(path))
    return owner ? `${owner.page}:${owner.line} ${owner.file ?? ''}: ${message}` : line
  })
}

const appOf = (path: string) => join(folder, relative(folder, path).split('/')[0]!)

function pathFor({ page, file, line }: Block, taken: ReadonlyMap<string, Block>): string {
  const name = page.replace(/^.*\//, '').replace(/\.md$/, '').replaceAll('.', '-')
  for (let turn = 1; ; turn++) {
    const path = join(folder, turn === 1 ? name : `${name}-${turn}`, file ?? `server/fragments/line-${line}.ts`)
    if (!taken.has(path)) return path
  }
}

/** Route rules have Nitro's types: the newer @nuxt/schema that other packages bring here knows fewer of them than the one of Nuxt. */
const configHead = `import type { NitroConfig } from 'nitropack/types'
import type { NuxtConfig } from 'nuxt/schema'
declare function defineNuxtConfig(config: Omit<NuxtConfig, 'routeRules'> & Pick<NitroConfig, 'routeRules'>): unknown
`

/** A fragment is a part of a handler. A block of nuxt.config may show some of its keys alone. */
function fileOf({ text, file, fragment }: Block): string {
  if (fragment) return `export default defineEventHandler(async (event) => {\n${text}\n})\n`
  return file === 'nuxt.config.ts' ? configHead + wholeConfig(text) : `${text}\nexport {}\n`
}

/** Plugins of the app have the types of the browser. */
function checkInBrowser(files: readonly string[]): Promise<string[]> {
  const types = join(reader, '.nuxt')
  return checkWith('tsconfig.app.json', [join(types, 'nuxt.d.ts'), ...files])
}

function check(files: readonly string[]): Promise<string[]> {
  const types = join(reader, '.nuxt')
  const declarations = [...serverTypes.map(name => join(types, 'types', `${name}.d.ts`)), join(types, 'nuxt.node.d.ts'), join(reader, 'reader.d.ts')]
  return checkWith('tsconfig.server.json', [...declarations, ...files])
}

async function checkWith(base: string, files: readonly string[]): Promise<string[]> {
  const tsconfig = join(folder, base)
  writeFileSync(tsconfig, JSON.stringify({
    extends: join(reader, '.nuxt', base),
    compilerOptions: { noUncheckedIndexedAccess: false },
    include: [],
    files,
  }, null, 2))
  try {
    await run(process.execPath, [resolve('node_modules/vue-tsc/bin/vue-tsc.js'), '--noEmit', '--pretty', 'false', '-p', tsconfig], { maxBuffer: 1 << 26 })
    return []
  }
  catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string, stderr?: string }
    const lines = `${stdout}\n${stderr}`.split('\n').filter(line => /^\S.*error TS/.test(line))
    return lines.length > 0 ? lines : [String(error)]
  }
}

async function nuxt(command: string, rootDir: string): Promise<void> {
  await run(process.execPath, [resolve('node_modules/.bin/nuxt'), command, rootDir], { env: productionEnvironment({ NUXT_TELEMETRY_DISABLED: '1' }) })
}
