import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { replaceNamedPlugins } from '../../src/build/monitoring'
import { pagePatterns } from '../../src/build/virtual-modules'

it('patterns of pages are written as the browser reports them', () => {
  expect(pagePatterns([
    { path: '/' },
    { path: '/products/:id()' },
    { path: '/:slug(.*)*' },
    { path: '/account', children: [{ path: '' }, { path: 'orders', children: [{ path: ':id()' }] }, { path: '/absolute' }] },
  ])).toEqual(['/', '/products/:id', '/:slug(.*)*', '/account', '/account/orders', '/account/orders/:id', '/absolute'])
})

describe('plugins that a guide lists without their files', () => {
  const root = mkdtempSync(join(tmpdir(), 'plugins-'))
  const named = ['error-tracking.client.ts', 'performance-monitoring.client.ts'].map(name => ({ src: join(root, 'app/plugins', name) }))
  const own = { src: join(root, 'app/plugins/own.ts') }
  afterAll(() => rmSync(root, { recursive: true }))

  function resolvePlugins(isOn: boolean): object[] {
    const app = { plugins: [own, ...named] }
    const nuxt = { options: { rootDir: root }, hook: (_: string, listener: (given: typeof app) => void) => listener(app) }
    replaceNamedPlugins(nuxt as never, isOn)
    return app.plugins
  }

  it('are removed only if the feature is on', () => {
    expect(resolvePlugins(true)).toEqual([own])
    expect(resolvePlugins(false)).toEqual([own, ...named])
  })

  it('stay if the app has the file', () => {
    mkdirSync(join(root, 'app/plugins'), { recursive: true })
    writeFileSync(named[0]!.src, '')
    expect(resolvePlugins(true)).toEqual([own, named[0]])
  })
})
