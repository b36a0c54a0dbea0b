import { AsyncLocalStorage } from 'node:async_hooks'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { rollup } from 'rollup'
import type { Plugin } from 'rollup'
import { afterEach, expect, it } from 'vitest'
import { createLazyModulesPlugin } from '../../src/build/nitro-patches'
import { evaluateLazyModulesOutside } from '../../src/runtime/server/nitro-patches/lazy-modules'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const visitor = new AsyncLocalStorage<string>()
const seen: Record<string, unknown> = {}
Object.assign(globalThis, { testVisitor: () => visitor.getStore() ?? 'nobody', testSeen: seen })

afterEach(() => evaluateLazyModulesOutside(undefined))

const NOTE = (name: string) => `
  testSeen[${JSON.stringify(name)}] = [testVisitor()]
  setTimeout(() => testSeen[${JSON.stringify(name)}].push(testVisitor()), 1)
  export const ready = new Promise(resolve => setTimeout(resolve, 2))
  export default testVisitor`

const FILES: Record<string, string> = {
  entry: `
    export const route = () => import('route')
    export const named = async name => (await import(name)).default()
    export const json = async () => (await import('data', { with: { type: 'json' } })).default
    export const chained = () => import('chain').then(({ default: run }) => run())`,
  route: `import { helper } from 'helper'\n${NOTE('route')}\nexport { helper }`,
  // What a lazily loaded module imports is evaluated with it.
  helper: `${NOTE('helper').replace('export const ready', 'const ready').replace('export default testVisitor', '')}\nexport const helper = ready`,
  chain: `export default async () => { const { default: of, ready } = await import('inner'); await ready; return of() }`,
  inner: NOTE('inner'),
}

type Entry = Record<string, (name?: string) => Promise<Record<string, unknown>>>

/** Builds the files as a server is built, in chunks, and imports the entry. */
async function build(...plugins: Plugin[]): Promise<Entry> {
  const { path: directory } = createTemporaryDirectory('lazy-modules')
  const bundle = await rollup({
    input: 'entry',
    plugins: [...plugins, { name: 'files', resolveId: id => id in FILES ? id : id === 'data' ? { id: './data.json', external: 'relative' } : undefined, load: id => FILES[id] }],
  })
  await bundle.write({ dir: directory, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' })
  await bundle.close()
  await Promise.all([writeFile(join(directory, 'data.json'), '{"rows":1}'), writeFile(join(directory, 'named.mjs'), NOTE('named'))])
  const urlOf = (file: string) => pathToFileURL(join(directory, file)).href
  const entry = await import(urlOf('entry.mjs')) as Entry
  return { ...entry, named: () => entry.named!(urlOf('named.mjs')) }
}

it('without the plugin, belong to the first visitor for ever', async () => {
  const entry = await build()
  const { ready } = await visitor.run('ada', () => entry.route!())
  await ready
  expect(seen.route).toEqual(['ada', 'ada'])
})

it('are evaluated outside of every request, whoever asks first, while the handler stays in its own', async () => {
  evaluateLazyModulesOutside(AsyncLocalStorage.snapshot())
  const entry = await build(createLazyModulesPlugin())
  await visitor.run('ada', async () => {
    const { ready, helper } = await entry.route!()
    await ready
    await helper
    expect(visitor.getStore()).toBe('ada')
    expect(await entry.chained!()).toBe('ada')
    expect(await entry.named!()).toBe('ada')
    expect(await entry.json!()).toEqual({ rows: 1 })
  })
  expect(seen).toMatchObject({ route: ['nobody', 'nobody'], helper: ['nobody', 'nobody'], inner: ['nobody', 'nobody'] })
  expect((seen.named as string[])[0]).toBe('nobody')
})

it('are loaded as ever before the server has started', async () => {
  const entry = await build(createLazyModulesPlugin())
  const { ready } = await entry.route!()
  await ready
  expect(seen.route).toEqual(['nobody', 'nobody'])
})
