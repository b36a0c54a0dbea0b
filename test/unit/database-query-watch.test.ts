import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { callSite } from '../../src/runtime/server/database/call-site'
import { shapeOf, shorten } from '../../src/runtime/server/database/query-shape'
import { createQueryWatch } from '../../src/runtime/server/database/query-watch'

/** A client as small as can be. That the real one is content too is shown beside PostgreSQL. */
function createClient() {
  const product = {
    name: 'Product',
    findMany: async (args: object) => [args],
    findUnique: async (args: object) => {
      // No database answers in the turn of the question.
      await setImmediate()
      return args
    },
    create: async (args: object) => args,
  }
  return {
    product,
    $queryRaw: async (strings: TemplateStringsArray, ...values: unknown[]) => [strings, values],
    $queryRawUnsafe: async (sql: string, ...values: unknown[]) => [sql, values],
    $transaction: async <T>(work: Promise<T>[] | ((inner: { product: typeof product }) => Promise<T>)) => typeof work === 'function' ? work({ product }) : Promise.all(work),
    $extends: () => ({ product }),
    $disconnect: async () => {},
  }
}

async function warningsOf(work: (client: ReturnType<typeof createClient>) => unknown, atLeast?: number): Promise<string[]> {
  const warnings: string[] = []
  const watch = createQueryWatch({ warn: sentence => warnings.push(sentence), atLeast })
  const client = watch.client(createClient())
  await watch.around(() => work(client), () => 'GET /api/shops')({})
  return warnings
}

async function times(count: number, work: (index: number) => unknown): Promise<void> {
  for (let index = 0; index < count; index++) await work(index)
}

describe('the watch over queries', () => {
  it('says once what a request asks over and over, how often and where', async () => {
    const warnings = await warningsOf(client => times(20, shopId => client.product.findMany({ where: { shopId } })))
    expect(warnings).toEqual([expect.stringMatching(/^GET \/api\/shops ran product\.findMany\(\{ where: \{ shopId \} \}\) 20 times, at test\/unit\/database-query-watch\.test\.ts:\d+:\d+: load these rows with include in the query before, or all at once with findMany\(\{ where: \{ …: \{ in: \[ … \] \} \} \}\)\.$/)])
  })

  it('begins at five, or where it is told to', async () => {
    const loop = (count: number) => (client: ReturnType<typeof createClient>) => times(count, id => client.product.findMany({ where: { id } }))
    expect(await warningsOf(loop(4))).toEqual([])
    expect(await warningsOf(loop(5))).toHaveLength(1)
    expect(await warningsOf(loop(5), 6)).toEqual([])
    expect(await warningsOf(loop(2), 2)).toHaveLength(1)
  })

  it('tells queries of another shape, model or operation apart', async () => {
    expect(await warningsOf(async (client) => {
      await times(4, id => client.product.findMany({ where: { id } }))
      await times(4, id => client.product.findMany({ where: { id }, include: { shop: true } }))
      await times(4, id => client.product.findUnique({ where: { id } }))
    })).toEqual([])
  })

  it('counts each request for itself, with what it asks of the server itself', async () => {
    const warnings: string[] = []
    const watch = createQueryWatch({ warn: sentence => warnings.push(sentence) })
    const client = watch.client(createClient())
    const ask = watch.around((id: number) => client.product.findMany({ where: { id } }), id => `GET /${id}`)
    await Promise.all([1, 2, 3, 4, 5, 6].map(ask))
    expect(warnings).toEqual([])
    await watch.around(() => times(6, ask), () => 'GET /outer')({})
    expect(warnings).toEqual([expect.stringContaining('GET /outer ran product.findMany')])
  })

  it('is not disturbed by a request that fails, and does not hide its error', async () => {
    const warnings: string[] = []
    const watch = createQueryWatch({ warn: sentence => warnings.push(sentence) })
    const client = watch.client(createClient())
    const fails = watch.around(async () => {
      await times(5, id => client.product.findMany({ where: { id } }))
      throw new Error('broken')
    }, () => 'GET /')
    await expect(fails({})).rejects.toThrow('broken')
    expect(warnings).toHaveLength(1)
  })

  it('takes the queries that Prisma makes one of for one', async () => {
    expect(await warningsOf(client => Promise.all(Array.from({ length: 20 }, (_, id) => client.product.findUnique({ where: { id } }))))).toEqual([])
    expect(await warningsOf(client => times(5, id => client.product.findUnique({ where: { id } })))).toHaveLength(1)
    expect(await warningsOf(client => Promise.all(Array.from({ length: 20 }, (_, id) => client.product.findMany({ where: { id } }))))).toHaveLength(1)
  })

  it('sees transactions, extensions and raw queries, and leaves writes alone', async () => {
    expect(await warningsOf(client => client.$transaction(inner => times(5, id => inner.product.findMany({ where: { id } }))))).toHaveLength(1)
    expect(await warningsOf(client => client.$transaction([1, 2, 3, 4, 5].map(id => client.product.findMany({ where: { id } }))))).toHaveLength(1)
    expect(await warningsOf(client => times(5, id => client.$extends().product.findMany({ where: { id } })))).toHaveLength(1)
    expect(await warningsOf(client => times(5, id => client.$queryRaw`select ${id}`))).toEqual([expect.stringContaining('$queryRaw(select ?) 5 times')])
    expect(await warningsOf(client => times(5, id => client.$queryRawUnsafe('select $1', id)))).toHaveLength(1)
    expect(await warningsOf(client => times(5, id => client.product.create({ data: { id } })))).toEqual([])
  })

  it('watches the clients of a factory, and keeps what hangs from it', async () => {
    const watch = createQueryWatch({ warn: () => {} })
    const dispose = () => {}
    const client = createClient()
    const make = watch.factory(Object.assign(() => client, { dispose }))
    expect(make.dispose).toBe(dispose)
    expect(make()).not.toBe(client)
    expect(make().product.name).toBe('Product')
    expect((await watch.factory(async () => client)()).product.findMany).toBeTypeOf('function')
    expect(watch.factory(() => 'no object')()).toBe('no object')
  })

  it('lets a client keep what is its own', () => {
    class Client {
      #open = true
      $disconnect() {
        this.#open = false
        return this.#open
      }
    }
    expect(createQueryWatch({ warn: () => {} }).client(new Client()).$disconnect()).toBe(false)
  })

  it('gives the same model and method each time', () => {
    const client = createQueryWatch({ warn: () => {} }).client(createClient())
    expect(client.product).toBe(client.product)
    expect(client.product.findMany).toBe(client.product.findMany)
    expect(client.$disconnect).toBe(client.$disconnect)
  })

  it('leaves no byte in a production server', async () => {
    const bundle = async (development: boolean) => (await build({
      entryPoints: ['src/runtime/server/database/plugin.ts'],
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      minifySyntax: true,
      external: ['#*', 'consola', 'nitropack', 'nitropack/*', 'h3'],
      define: { 'import.meta.dev': String(development) },
    })).outputFiles[0]!.text
    expect(await bundle(true)).toContain('createQueryWatch')
    expect(await bundle(false)).not.toMatch(/createQueryWatch|createWatchedClient|callSite|shapeOf|findUnique/)
  })
})

describe('the shape of a query', () => {
  it.each([
    [undefined, ''],
    [{}, '{}'],
    [{ where: { id: 1 } }, '{ where: { id } }'],
    [{ take: 5, where: { name: { contains: 'a' }, at: new Date(0) } }, '{ take, where: { at, name: { contains } } }'],
    [{ where: { id: { in: [1, 2, 3] }, gone: undefined } }, '{ where: { id: { in: [] } } }'],
    [{ where: { OR: [{ id: 2 }, { id: 1 }, { name: 'a' }] } }, '{ where: { OR: [{ id }, { name }] } }'],
    [{ select: { id: true, shop: { select: { name: true } } } }, '{ select: { id, shop: { select: { name } } } }'],
    [{ where: { id: 1n, price: Buffer.from('a'), none: null } }, '{ where: { id, none, price } }'],
  ])('%o is %s', (args, shape) => {
    expect(shapeOf(args)).toBe(shape)
  })

  it('does not depend on values or the order of keys', () => {
    expect(shapeOf({ where: { a: 1, b: 'x' } })).toBe(shapeOf({ where: { b: 'secret', a: 99 } }))
  })

  it('is one line of bounded length', () => {
    expect(shorten('select\n  *\n from x ')).toBe('select * from x')
    expect(shorten('x'.repeat(500))).toHaveLength(161)
  })
})

describe('the place of a call', () => {
  it('is the first of the app on the stack', () => {
    const entry = () => callSite(entry)
    expect(entry()).toMatch(/^test\/unit\/database-query-watch\.test\.ts:\d+:\d+$/)
  })

  it('is read from the map of a bundle, past packages and the module', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'call-site-'))
    try {
      const sources = {
        'server/api/shops.get.ts': `import { load } from '../../node_modules/lib/index'\n\nconsole.log(load('shops'))\n`,
        'node_modules/lib/index.ts': `import { callSite } from ${JSON.stringify(resolve('src/runtime/server/database/call-site.ts'))}\n\nconst entry = (name: string) => callSite(entry)\nexport const load = (name: string) => entry(name)\n`,
      }
      for (const [path, text] of Object.entries(sources)) {
        mkdirSync(join(folder, path, '..'), { recursive: true })
        writeFileSync(join(folder, path), text)
      }
      await build({ entryPoints: [join(folder, 'server/api/shops.get.ts')], bundle: true, format: 'esm', platform: 'node', sourcemap: true, outfile: join(folder, 'dev/index.mjs') })
      // In a process of its own: here the stack is mapped already.
      const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'dev/index.mjs')], { cwd: folder, env: {} })
      expect(stdout).toBe('server/api/shops.get.ts:3:13\n')
    }
    finally {
      rmSync(folder, { recursive: true })
    }
  })
})
