import { rollup } from 'rollup'
import { describe, expect, it } from 'vitest'
import { createNitroCachePlugin, pageRoutesOf } from '../../src/build/nitro-cache'

/** Bundles an entry that imports `cached`, with the plugin in front. */
async function bundle(cached: string): Promise<string> {
  const files: Record<string, string> = { entry: `export * from ${JSON.stringify(cached)}`, [cached]: 'export const original = true' }
  const build = await rollup({
    input: 'entry',
    external: id => id.endsWith('storage.mjs') || id === '/runtime/index',
    plugins: [
      createNitroCachePlugin('/runtime/index', () => ['/shop/**']),
      { name: 'files', resolveId: id => id in files ? id : undefined, load: id => files[id] },
    ],
  })
  const { output } = await build.generate({})
  await build.close()
  return output[0].code
}

describe('the replacement of Nitro\'s cache', () => {
  it.each([
    '/app/node_modules/nitropack/dist/runtime/internal/cache.mjs',
    '/app/node_modules/.pnpm/nitropack@2.13.6/node_modules/nitropack/dist/runtime/internal/cache.mjs?v=1',
    '/app/node_modules/nitropack-nightly/dist/runtime/internal/cache.mjs',
    'C:\\app\\node_modules\\nitropack\\dist\\runtime\\internal\\cache.mjs',
  ])('takes the place of %s', async (id) => {
    const code = await bundle(id)
    expect(code).not.toContain('original')
    expect(code).toContain('["/shop/**"]')
    for (const name of ['cachedEventHandler', 'defineCachedEventHandler', 'cachedFunction', 'defineCachedFunction']) expect(code).toMatch(new RegExp(`export \\{[^}]*\\b${name}\\b`))
    // Entered through the circle of Nitro's app, the storage has to come first.
    expect(code.indexOf('storage.mjs')).toBeLessThan(code.indexOf('/runtime/index'))
  })

  it('stops a build that does not hold that module', async () => {
    await expect(bundle('/app/node_modules/nitropack/dist/runtime/internal/storage-cache.mjs')).rejects.toThrow(/is not in the server build.*scale\.cache\.nitro to false/)
  })
})

describe('routes of pages', () => {
  const nitro = (routes: string[], rules: string[], renderer: string | undefined = '/renderer') => ({
    scannedHandlers: routes.map(route => ({ route, handler: route, middleware: false })),
    options: { renderer, handlers: [{ handler: '/middleware', middleware: true }], routeRules: Object.fromEntries(rules.map(rule => [rule, {}])) },
  }) as unknown as Parameters<typeof pageRoutesOf>[0]

  it('are the catch-all and every rule that no handler of the server covers', () => {
    expect(pageRoutesOf(nitro(['/api/products', '/api/deep/**'], ['/shop/**', '/api/products', '/api/deep/x', '/about']))).toEqual(['/**', '/shop/**', '/about'])
  })

  it('are none without a renderer, or behind a catch-all of the app', () => {
    expect(pageRoutesOf(nitro([], ['/a'], ''))).toEqual([])
    expect(pageRoutesOf(nitro(['/**'], ['/a']))).toEqual([])
  })
})
