import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestBrowser } from '../support/browser'
import { startBrowser } from '../support/browser'
import type { NuxtInstance } from '../support/nuxt'
import { buildFixture, readBuildLog, startNuxt } from '../support/nuxt'
import { waitFor } from '../support/wait'

interface Group { kind: string, name: string, message: string, component: string, count: number, routes: Record<string, number>, browsers: object, build: string, release: string }
interface Reports {
  received: { errors: (Group & { stack: { file: string, line: number, component?: string, resolved: boolean }[] })[], vitals: { name: string, route: string, value: number }[] }
  errors: Group[]
  pages: { route: string, vitals: Record<string, { count: number, sum: number }>, navigation: Record<string, { count: number }> }[]
  resources: { path: string, initiator: string, count: number, longest: number, route: string }[]
  memory: number
}

let output: string
let app: NuxtInstance
let browser: TestBrowser

beforeAll(async () => {
  output = await buildFixture('test/fixtures/monitoring')
  app = await startNuxt(output, { env: { NUXT_SCALE_TENANCY_DEFAULT: 'main' } })
  browser = await startBrowser()
})

afterAll(async () => {
  await browser?.close()
  await app?.stop()
})

const reports = async (instance = app) => await (await instance.fetch('/api/reports')).json() as Reports

/** Waits until the lazy part of both plugins is loaded. */
async function isWatching(page: Page): Promise<void> {
  const chunks = chunksOf(output, /performance-reporter|error-reporter/).map(file => `/_nuxt/${file}`)
  await page.waitForFunction((wanted: string[]) => {
    const loaded = performance.getEntriesByType('resource')
    return wanted.every(path => loaded.some(({ name }) => name.endsWith(path)))
  }, chunks)
  await page.waitForTimeout(100)
}

/** Hides the page for good, as a user who closes the tab. */
async function leave(page: Page): Promise<void> {
  await page.goto('about:blank')
}

/** The files of the client that were made of sources that match, by the maps beside the server. */
function chunksOf(output: string, source: RegExp): string[] {
  const folder = join(output, 'server/client-maps')
  return globSync('*.js.map', { cwd: folder })
    .filter(map => (JSON.parse(readFileSync(join(folder, map), 'utf8')) as { sources: string[] }).sources.some(name => source.test(name)))
    .map(map => map.replace(/\.map$/, ''))
}

describe('error tracking', () => {
  it('reports each kind of error with the pattern of its page, counted and without personal data', async () => {
    const { page, close } = await browser.openPage(`${app.url}/?utm_source=private`)
    const sent: string[] = []
    page.on('request', request => request.url().endsWith('/_scale/ingest') && sent.push(request.postData() ?? ''))
    await isWatching(page)
    for (let times = 0; times < 3; times++) await page.click('#event')
    await page.click('#rejection')
    await page.click('#window')
    await page.waitForTimeout(50)
    await page.click('#component')
    await page.click('#slow')
    await page.waitForTimeout(600)
    // The browser hides the request of a page that is gone, so this page is only hidden.
    await page.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { value: 'hidden' })
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
    })
    await waitFor(() => sent.length > 0)
    await leave(page)
    await waitFor(async () => (await reports()).errors.length >= 4)
    const { errors, received, resources } = await reports()
    const of = (name: string, kind: string) => errors.filter(error => error.name === name && error.kind === kind)
    expect(of('TypeError', 'vue').find(({ message }) => message.startsWith('failed'))).toMatchObject({
      message: 'failed for [email] at /users', count: 3, routes: { '/': 3 }, browsers: { chrome: 3 }, release: '4.5.6', build: expect.stringMatching(/.{8}/),
    })
    expect(of('RangeError', 'rejection')).toMatchObject([{ message: 'rejected with password=[secret]', count: 1, routes: { '/': 1 } }])
    expect(of('Error', 'error')).toMatchObject([{ message: 'thrown in a timer', count: 1 }])
    expect(resources).toEqual(expect.arrayContaining([expect.objectContaining({ path: '/api/slow/*', initiator: 'fetch', count: 1, route: '/' })]))
    const everything = sent.join() + JSON.stringify({ errors, received, resources })
    expect(sent.length).toBeGreaterThan(0)
    expect(everything).not.toMatch(/jane|doe\.org|private|abc123|hunter2|127\.0\.0\.1|localhost|cookie-of|utm_source|email=/)
    await close()
  })

  it('resolves the stack of a minified build to file, line and component, once, and serves no map', async () => {
    // The stack is resolved after the answer to the browser.
    const failed = await waitFor(async () => {
      const found = (await reports()).received.errors.filter(error => error.message.includes('price'))
      return found.length > 0 && found
    })
    expect(failed).toHaveLength(1)
    // Errors are counted before their stack is resolved, so a second report would be seen here.
    expect((await reports()).errors.filter(error => error.message.includes('price'))).toMatchObject([{ count: 1 }])
    expect(failed[0]).toMatchObject({ kind: 'vue', component: 'BrokenCart' })
    expect(failed[0]!.stack[0]).toMatchObject({ file: 'app/utils/price-of.ts', line: 4, resolved: true })
    expect(failed[0]!.stack[1]).toMatchObject({ file: 'app/components/BrokenCart.vue', line: 4, component: 'BrokenCart', resolved: true })

    const scripts = globSync('**/*.js', { cwd: join(output, 'public') })
    expect(scripts.length).toBeGreaterThan(5)
    expect(globSync('**/*.map', { cwd: join(output, 'public') })).toEqual([])
    for (const script of scripts) {
      expect(readFileSync(join(output, 'public', script), 'utf8')).not.toContain('sourceMappingURL')
      for (const path of [`/${script}.map`, `/client-maps/${script.split('/').at(-1)}.map`]) {
        const answer = await app.fetch(path)
        expect(answer.status, path).toBe(404)
        expect(await answer.text()).not.toContain('"mappings"')
      }
    }
    for (const map of globSync('*.map', { cwd: join(output, 'server/client-maps') })) {
      expect(readFileSync(join(output, 'server/client-maps', map), 'utf8')).not.toContain('sourcesContent')
    }
  })

  it('reports a file of the app that could not be loaded as its own kind', async () => {
    const { page, close } = await browser.openPage(`${app.url}/`)
    await isWatching(page)
    const chunks = chunksOf(output, /pages\/later\.vue/)
    await page.route(url => chunks.some(chunk => url.pathname.endsWith(chunk)), route => route.abort())
    await page.click('#later')
    await page.waitForTimeout(500)
    await leave(page)
    await waitFor(async () => (await reports()).errors.some(({ kind }) => kind === 'chunk'))
    const { errors } = await reports()
    expect(new Set(errors.filter(({ message }) => /dynamically imported/.test(message)).map(({ kind }) => kind))).toEqual(new Set(['chunk']))
    await close()
  })

  it('keeps errors from before the reporter is loaded, and leaves out what the app drops', async () => {
    const context = await browser.browser.newContext()
    const page = await context.newPage()
    const [reporter] = chunksOf(output, /error-reporter/)
    let isThrown = false
    page.on('pageerror', () => isThrown = true)
    await page.route(url => url.pathname.endsWith(reporter!), async (route) => {
      await waitFor(() => isThrown)
      await route.continue()
    })
    await page.goto(`${app.url}/products/12345?secret=1&early=1`)
    await isWatching(page)
    await page.click('#dropped')
    await leave(page)
    await waitFor(async () => (await reports()).errors.some(({ message }) => message === 'thrown before load'))
    const { errors } = await reports()
    expect(errors.find(({ message }) => message === 'thrown before load')!.routes).toEqual({ '/products/:id': 1 })
    expect(JSON.stringify(errors)).not.toMatch(/dropped by the app|12345/)
    await context.close()
  })
})

describe('performance monitoring', () => {
  it('reports web vitals and the phases of the load by pattern', async () => {
    const { page, close } = await browser.openPage(`${app.url}/products/777?secret=1`)
    await isWatching(page)
    await page.click('h1')
    await page.waitForTimeout(200)
    await leave(page)
    const vitals = async () => (await reports()).pages.find(({ route }) => route === '/products/:id')
    await waitFor(async () => Object.keys((await vitals())?.vitals ?? {}).length >= 4)
    const { vitals: found, navigation } = (await vitals())!
    expect(Object.keys(found)).toEqual(expect.arrayContaining(['LCP', 'FCP', 'TTFB', 'CLS']))
    expect(found.LCP!.sum / found.LCP!.count).toBeGreaterThan(0.001)
    expect(found.LCP!.sum / found.LCP!.count).toBeLessThan(30)
    expect(Object.keys(navigation)).toEqual(['dns', 'connect', 'request', 'response', 'interactive', 'load'])
    const { received, pages } = await reports()
    expect(received.vitals).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'LCP', route: '/products/:id' })]))
    expect(pages.map(({ route }) => route).filter(route => !['/', '/later', '/products/:id', '_other'].includes(route))).toEqual([])
    expect(JSON.stringify(pages)).not.toContain('777')
    await close()
  })

  it('loads and sends nothing from pages that are not sampled, by a variable of the server', async () => {
    const unsampled = await startNuxt(output, { env: { NUXT_SCALE_TENANCY_DEFAULT: 'main', NUXT_SCALE_MONITORING_SAMPLE_RATE: '0' } })
    const { page, close } = await browser.openPage(`${unsampled.url}/`)
    await page.click('#event')
    await page.waitForTimeout(1500)
    const loaded = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name))
    expect(chunksOf(output, /performance-reporter/)).toHaveLength(1)
    for (const chunk of chunksOf(output, /performance-reporter|error-reporter/)) expect(loaded.filter(name => name.endsWith(chunk))).toEqual([])
    await leave(page)
    expect(await reports(unsampled)).toMatchObject({ errors: [], pages: [] })
    await close()
    await unsampled.stop()
  })
})

describe('the ingest route', () => {
  const vital = { build: 'b', release: '', events: [{ type: 'vital', name: 'CLS', value: 0.1, route: '/', navigation: 'navigate' }] }
  const send = (instance: NuxtInstance, init: RequestInit & { headers?: Record<string, string> } = {}) => instance.fetch('/_scale/ingest', {
    method: 'POST', body: JSON.stringify(vital), ...init, headers: { 'content-type': 'text/plain', 'sec-fetch-site': 'same-origin', ...init.headers },
  })

  it('needs no tenant, and neither rate limits nor caches of the app apply', async () => {
    const closed = await startNuxt(output)
    expect((await closed.fetch('/')).status).toBe(400)
    for (let times = 0; times < 5; times++) expect((await send(closed)).status).toBe(204)
    await closed.stop()
  })

  it('refuses other origins, methods, types, sizes and schemas without a detail', async () => {
    const answers = await Promise.all([
      send(app, { headers: { 'sec-fetch-site': 'cross-site' } }),
      app.fetch('/_scale/ingest'),
      send(app, { headers: { 'content-type': 'application/xml' } }),
      send(app, { body: 'x'.repeat(70_000) }),
      send(app, { body: '{"build":"' }),
      send(app, { body: JSON.stringify({ ...vital, user: 'jane' }) }),
    ])
    expect(answers.map(({ status }) => status)).toEqual([403, 405, 415, 413, 400, 400])
    expect(await Promise.all(answers.map(answer => answer.text()))).toEqual(['', '', '', '', '', ''])
  })

  it('refuses a flood, with flat memory, and logs no character that a terminal interprets', async () => {
    const flooded = await startNuxt(output, { env: { NUXT_SCALE_TENANCY_DEFAULT: 'main', NODE_OPTIONS: '--expose-gc' } })
    const error = (index: number) => ({
      type: 'error', kind: 'error', name: 'Error', message: `x${'y'.repeat(200)} \u001B[31m\n${String.fromCharCode(97 + index % 26).repeat(1 + index % 60)}`,
      frames: [['f', `/_nuxt/${index}.js`, 1, 1]], route: `/forged/${index}`, component: '', count: 1,
    })
    const flood = (round: number) => Promise.all(Array.from({ length: 500 }, async (_, index) => {
      const events = Array.from({ length: 50 }, (_, event) => error(round * 25_000 + index * 50 + event))
      return (await send(flooded, { body: JSON.stringify({ build: 'b', release: '', events }) })).status
    }))
    const first = await flood(0)
    const before = (await reports(flooded)).memory
    const statuses = [...first, ...await flood(1), ...await flood(2)]
    expect(new Set(statuses)).toEqual(new Set([204, 429]))
    expect(statuses.filter(status => status === 429).length).toBeGreaterThan(1000)
    const { memory, errors } = await reports(flooded)
    expect(errors.length).toBeLessThanOrEqual(200)
    expect(memory - before).toBeLessThan(64 * 1024 ** 2)
    const lines = flooded.logs().filter(line => line.includes('A browser reports'))
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.join()).not.toContain('\u001B[31m')
    await flooded.stop()
  })
})

describe('the build', () => {
  it('adds nothing to the client when the feature is off, and at most 6 kB when it is on', async () => {
    const off = await buildFixture('test/fixtures/monitoring', { env: { MONITORING_OFF: '1' }, buildDir: '.nuxt/off', outputDir: '.output/off' })
    const scripts = (folder: string) => globSync('**/*.js', { cwd: join(folder, 'public/_nuxt') }).map(file => readFileSync(join(folder, 'public/_nuxt', file)))
    const sizeOf = (folder: string) => scripts(folder).reduce((sum, script) => sum + gzipSync(script, { level: 9 }).length, 0)
    expect(Buffer.concat(scripts(off)).toString()).not.toMatch(/scale:(?:error|performance)|sendBeacon|layout-shift/)
    expect(existsSync(join(off, 'server/client-maps'))).toBe(false)
    expect(readFileSync(join(off, 'server/chunks/nitro/nitro.mjs'), 'utf8')).not.toMatch(/client-maps|sec-fetch-site/)
    const added = sizeOf(output) - sizeOf(off)
    const lazy = chunksOf(output, /src\/runtime\/app\/(?:outbox|redact|error-reporter|performance-reporter|fingerprint|parse-stack)\.|web-vitals/)
      .reduce((sum, file) => sum + gzipSync(readFileSync(join(output, 'public/_nuxt', file)), { level: 9 }).length, 0)
    process.stdout.write(`monitoring: ${added} B gzip in the client, ${lazy} B of them loaded after the page\n`)
    expect(added).toBeLessThanOrEqual(6000)
    expect(added - lazy).toBeLessThan(700)
  })

  it('says what to do with the plugins of nuxt.config that have no file', async () => {
    const log = (await readBuildLog(output)).join('\n')
    expect(log).toContain('app/plugins/error-tracking.client.ts and app/plugins/performance-monitoring.client.ts do not exist. '
      + 'scale.monitoring does their work: remove them from nuxt.config.')
  })
})
