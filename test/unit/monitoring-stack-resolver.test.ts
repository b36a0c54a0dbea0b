import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { StackFrame } from '../../src/runtime/app/parse-stack'
import { createStackResolver } from '../../src/runtime/server/monitoring/stack-resolver'

let folder: string
// One segment: column 0 of line 1 is column 4 of line 3 of the first source, with the first name.
const map = { version: 3, sources: ['app/components/Cart.vue'], names: ['priceOf'], mappings: 'AAEIA' }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maps-'))
  for (let index = 0; index < 60; index++) await writeFile(join(folder, `c${index}.js.map`), JSON.stringify(map))
  await writeFile(join(folder, 'broken.js.map'), '{"version":3,"mappings":')
  await writeFile(join(folder, 'secret.txt'), 'secret')
})

afterAll(() => rm(folder, { recursive: true }))

const frame = (file: string): StackFrame => ['m', file, 1, 1]

it('a frame is resolved to file, line, column, name and component', async () => {
  const resolve = createStackResolver(() => folder)
  expect(await resolve({ frames: [frame('/base/_nuxt/c1.js'), frame('/_nuxt/unknown.js')] })).toEqual([
    { name: 'priceOf', file: 'app/components/Cart.vue', line: 3, column: 5, component: 'Cart', resolved: true },
    { name: 'm', file: '/_nuxt/unknown.js', line: 1, column: 1, component: undefined, resolved: false },
  ])
})

it.each(['/../secret.txt', '/_nuxt/..%2fsecret.txt', '/_nuxt/c1.js/../../secret.txt', '', '/', '/_nuxt/broken.js', 'c1.js.map'])('a forged frame of %j stays as it is', async (file) => {
  const resolve = createStackResolver(() => folder)
  expect(await resolve({ frames: [frame(file), ['', '/_nuxt/c1.js', 0, 0]] })).toMatchObject([{ file, resolved: false }, { resolved: false }])
})

it('without the folder, nothing is resolved', async () => {
  expect(await createStackResolver(() => join(folder, 'none'))({ frames: [frame('/c1.js')] })).toMatchObject([{ resolved: false }])
})

it('a flood of stacks reads a bounded number of maps, and a map once', async () => {
  const resolve = createStackResolver(() => folder, () => 0)
  const resolved: boolean[] = []
  for (let index = 0; index < 60; index++) resolved.push((await resolve({ frames: [frame(`/c${index}.js`)] }))[0]!.resolved)
  expect(resolved.filter(Boolean)).toHaveLength(50)
  expect(await resolve({ frames: [frame('/c0.js'), frame('/c49.js')] })).toMatchObject([{ resolved: true }, { resolved: true }])
})
