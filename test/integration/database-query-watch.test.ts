import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createPrismaClient } from '../../src/prisma'
import { createHandle } from '../../src/runtime/server/database/handle'
import { createQueryWatch } from '../../src/runtime/server/database/query-watch'
import { paginateWith } from '../../src/runtime/server/pagination/paginate'
import type { KeysetPage } from '../../src/runtime/server/pagination/types'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import { generatePrisma } from '../support/prisma'

interface Tag { productId: number, label: string }
interface Shop { id: number, name: string }

interface TagModel {
  findMany: (args?: object) => Promise<Tag[]>
  findUnique: (args: object) => Promise<Tag | null> & { product: () => Promise<{ id: number } | null> }
  create: (args: object) => Promise<Tag>
}
interface ShopModel {
  findMany: (args?: object) => Promise<Shop[]>
  findUnique: (args: object) => Promise<Shop | null> & { products: () => Promise<object[]> }
  findFirst: (args: object) => Promise<Shop | null>
  create: (args: object) => Promise<Shop>
}

/** What the tests use of the generated client. */
interface PrismaLike {
  shop: ShopModel
  tag: TagModel
  $on: (event: 'query', listener: (event: { query: string }) => void) => void
  $transaction: (<T>(work: (inner: PrismaLike) => Promise<T>, options?: object) => Promise<T>) & (<T>(work: Promise<T>[]) => Promise<T[]>)
  $extends: (extension: object) => PrismaLike
  $queryRaw: <T>(strings: TemplateStringsArray, ...values: unknown[]) => Promise<T>
  $disconnect: () => Promise<void>
}

let server: PostgresServer
let real: PrismaLike
let prisma: PrismaLike
const queries: string[] = []
const warnings: string[] = []
const watch = createQueryWatch({ warn: sentence => warnings.push(sentence) })
const ids = Array.from({ length: 20 }, (_, index) => index + 1)

beforeAll(async () => {
  const { PrismaClient } = await import(await generatePrisma('test/fixtures/pagination')) as { PrismaClient: new (options: never) => PrismaLike }
  server = await startPostgres()
  await server.query(`set role app; create table "Shop" (id serial primary key, name text not null);
    create table "Tag" ("productId" integer not null, label text not null, primary key ("productId", label));
    insert into "Shop" (name) select 'shop ' || n from generate_series(1, 20) as n`, 'app')
  real = createPrismaClient(PrismaClient, { url: server.url() }, { log: [{ emit: 'event', level: 'query' }] } as never)
  real.$on('query', ({ query }) => queries.push(query))
  // As the registry does: the handle stands in front of what the factory made.
  prisma = createHandle(watch.client(real), 'shops').client
}, 120_000)

beforeEach(() => {
  queries.length = 0
  warnings.length = 0
})

afterAll(async () => {
  await real?.$disconnect()
  await server?.stop()
})

const request = <T>(work: () => Promise<T>) => watch.around(work, () => 'GET /api/shops')({})

describe('the watch over a client of Prisma', () => {
  it('sees a loop, and names the line of the app', async () => {
    const names = await request(async () => {
      const found: string[] = []
      for (const id of ids) found.push((await prisma.shop.findFirst({ where: { id } }))!.name)
      return found
    })
    expect(names).toHaveLength(20)
    expect(queries).toHaveLength(20)
    expect(warnings).toEqual([expect.stringMatching(/^GET \/api\/shops ran shop\.findFirst\(\{ where: \{ id \} \}\) 20 times, at test\/integration\/database-query-watch\.test\.ts:\d+:\d+: /)])
  })

  it('is silent where Prisma makes one query of many', async () => {
    const shops = await request(() => Promise.all(ids.map(id => prisma.shop.findUnique({ where: { id } }))))
    expect(shops.map(shop => shop?.id)).toEqual(ids)
    expect(queries).toHaveLength(1)
    expect(warnings).toEqual([])
  })

  it('sees queries of one turn that Prisma does not put together', async () => {
    await request(() => Promise.all(ids.map(id => prisma.shop.findMany({ where: { id } }))))
    expect(queries).toHaveLength(20)
    expect(warnings).toHaveLength(1)
  })

  it('sees both kinds of transactions, extensions and raw queries, which work as before', async () => {
    const inner = await request(() => prisma.$transaction(async (transaction) => {
      for (const id of ids) await transaction.shop.findFirst({ where: { id } })
      return transaction.shop.findMany({ where: { id: 1 } })
    }, { timeout: 10_000 }))
    expect(inner).toEqual([{ id: 1, name: 'shop 1' }])
    const batch = await request(() => prisma.$transaction(ids.map(id => prisma.shop.findMany({ where: { id } }))))
    expect(batch.flat().map(({ id }) => id)).toEqual(ids)
    const extended = prisma.$extends({ result: { shop: { label: { needs: { name: true }, compute: ({ name }: Shop) => `${name}!` } } } })
    await request(async () => {
      for (const id of ids) expect(await extended.shop.findFirst({ where: { id } })).toMatchObject({ label: `shop ${id}!` })
    })
    await request(async () => {
      for (const id of ids) expect(await prisma.$queryRaw`select ${id}::int as id`).toEqual([{ id }])
    })
    expect(warnings.map(warning => /ran ([\w$.]+)\((.*?)\) 20 times/.exec(warning)?.slice(1, 3))).toEqual([
      ['shop.findFirst', '{ where: { id } }'],
      ['shop.findMany', '{ where: { id } }'],
      ['shop.findFirst', '{ where: { id } }'],
      ['$queryRaw', 'select ?::int as id'],
    ])
  })

  it('rolls back what fails, and follows relations from a query', async () => {
    await expect(request(() => prisma.$transaction(async (transaction) => {
      await transaction.shop.create({ data: { name: 'lost' } })
      throw new Error('no')
    }))).rejects.toThrow('no')
    expect(await prisma.shop.findMany({ where: { name: 'lost' } })).toEqual([])
    expect(prisma.shop.findUnique({ where: { id: 1 } }).products).toBeTypeOf('function')
  })

  it('lets pages through, and names the line of the app behind paginate()', async () => {
    await request(async () => {
      let cursor = ''
      for (let page = 0; page < 6; page++) {
        const { items, pageInfo } = await paginateWith({ key: () => Buffer.alloc(32), scope: () => '' }, { path: `/?limit=3${cursor}` }, prisma.shop, { orderBy: { name: 'asc' } }) as KeysetPage<Shop>
        expect(items).toHaveLength(3)
        cursor = `&cursor=${pageInfo.endCursor}`
      }
    })
    expect(warnings).toEqual([expect.stringMatching(/shop\.findMany\(\{ orderBy: \[\{ id \}, \{ name \}\], take, where: .*, at test\/integration\/database-query-watch\.test\.ts:\d+:\d+: /)])
  })

  it('counts nothing outside of requests', async () => {
    for (const id of ids) await prisma.shop.findFirst({ where: { id } })
    expect(warnings).toEqual([])
  })
})
