import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { checkPreset, kindOfPreset, PRESETS } from '../../src/build/presets'
import { resolveOptions } from '../../src/options'

interface NitroPreset {
  _meta: { name: string }
  extends?: string
  entry?: string
  static?: boolean
}

const nitropack = dirname(createRequire(import.meta.url).resolve('nitropack/package.json'))
const { default: presets } = await import(pathToFileURL(join(nitropack, 'dist/presets/_all.gen.mjs')).href) as { default: NitroPreset[] }
const all = resolveOptions({ rabbitmq: {}, database: {}, shards: { map: { eu: 'A' } }, shutdown: {} })
const none = resolveOptions({ redis: false })

/** A preset with what it inherits. */
function resolved({ _meta: { name }, ...preset }: NitroPreset): { preset: string, entry: string, static: boolean } {
  const parent = presets.find(({ _meta }) => _meta.name === preset.extends?.replace('_', '-'))
  const inherited = parent ? resolved(parent) : undefined
  return { preset: name, entry: preset.entry ?? inherited?.entry ?? '', static: preset.static ?? inherited?.static ?? false }
}

describe('the presets of Nitro', () => {
  // What is inside a build, or gives others what they share, serves nobody.
  const inner = ['base-worker', 'nitro-dev', 'nitro-prerender', 'cloudflare-dev']

  it('are all known', () => {
    const unknown = presets.map(resolved).filter(one => kindOfPreset(one) === 'process' && !(one.preset in PRESETS))
    expect(unknown.map(({ preset }) => preset).filter(name => !inner.includes(name))).toEqual([])
    expect(Object.keys(PRESETS).filter(name => !presets.some(({ _meta }) => _meta.name === name))).toEqual([])
    const kinds = Object.fromEntries(presets.map(resolved).map(one => [one.preset, kindOfPreset(one)]))
    expect(kinds).toMatchObject({ 'heroku': 'server', 'node-server': 'server', 'koyeb': 'server', 'github-pages': 'static', 'bun': 'process', 'vercel': 'functions', 'cloudflare-module': 'edge' })
  })

  it('are all in the table of the docs, under their kind', () => {
    const rows = readFileSync('docs/content/18.deploy.md', 'utf8').split('\n').filter(line => line.startsWith('| `'))
    for (const name of Object.keys(PRESETS)) expect(rows.filter(row => row.split('|')[1]!.includes(`\`${name}\``)), name).toHaveLength(1)
  })

  it.each([
    ['node-server', 'server', undefined, undefined],
    ['static', 'static', undefined, undefined],
    ['node-cluster', 'cluster', /^scale\.shutdown cannot drain under the preset node-cluster, whose primary process does not hand signals/, undefined],
    ['bun', 'process', undefined, /^scale\.shutdown does not work under the preset bun: its server stops at once when it gets a signal\. .*set it to false\.$/],
    ['vercel', 'functions', /^scale\.rabbitmq does not work under the preset vercel: it freezes/, /^scale\.redis, scale\.database, scale\.shards and scale\.shutdown do not work under the preset vercel/],
    ['cloudflare-module', 'edge', /^scale\.database, scale\.shards and scale\.rabbitmq do not work under the preset cloudflare-module/, /^scale\.redis and scale\.shutdown do not work/],
  ] as const)('%s: errors and warnings name what does not work', (preset, kind, error, warning) => {
    const found = checkPreset(preset, kind, all)
    for (const [sentence, pattern] of [[found.error, error], [found.warning, warning]] as const) {
      if (pattern) expect(sentence).toMatch(pattern)
      else expect(sentence).toBeUndefined()
    }
    const nothing = checkPreset(preset, kind, none)
    expect([nothing.error, nothing.warning]).toEqual([undefined, undefined])
  })
})
