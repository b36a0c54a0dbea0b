import type { PrismaClient } from '../generated/prisma/client'
import { TABLES } from './tables'

const NAMES = ['Garden', 'Kitchen', 'Books', 'Toys', 'Tools', 'Lamps', 'Music', 'Sport']
const THINGS = ['Classic', 'Little', 'Grand', 'Quiet', 'Bright', 'Sturdy', 'Clever', 'Plain', 'Noble', 'Swift', 'Warm', 'Round', 'Tall', 'Light', 'Old']
const PEOPLE = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald', 'Frances', 'Leslie', 'Radia', 'Tony', 'Margaret']
const PEOPLE_PER_SHARD = 40

/** Creates the schema and its tables if they are missing. Several instances may do this at the same time. */
export async function makeTables(prisma: PrismaClient, schema: string): Promise<void> {
  await prisma.$executeRawUnsafe(`do $$ begin create schema if not exists "${schema}"; exception when unique_violation or duplicate_schema then null; end $$`)
  for (const statement of TABLES) await prisma.$executeRawUnsafe(statement).catch(ignoreTwins)
}

/** Creates the products of a shop. Each tenant has different prices, which show whose shop it is. */
export async function seedShop(prisma: PrismaClient, tenant: string): Promise<void> {
  if (await prisma.product.count() > 0) return
  const factor = 1 + tenant.length / 10
  await prisma.category.createMany({ data: NAMES.map(name => ({ id: name.toLowerCase(), name })), skipDuplicates: true })
  const data = NAMES.flatMap((name, at) => THINGS.map((thing, index) => {
    const number = at * THINGS.length + index + 1
    return {
      id: `p${number}`,
      categoryId: name.toLowerCase(),
      name: `${thing} ${name.toLowerCase()} piece`,
      description: `A ${thing.toLowerCase()} piece for your ${name.toLowerCase()} shelf, number ${number} of the list.`,
      price: Math.round((500 + (number * 7919) % 9500) * factor) / 100,
      stock: (number * 31) % 40,
      createdAt: new Date(Date.UTC(2026, 0, 1 + number)),
    }
  }))
  await prisma.product.createMany({ data, skipDuplicates: true })
}

/** Creates the users of a shard, with their posts and orders. Their ids contain the shard. */
export async function seedPeople(prisma: PrismaClient, shard: string): Promise<void> {
  if (await prisma.user.count() > 0) return
  const numbers = Array.from({ length: PEOPLE_PER_SHARD }, (_, index) => index + 1)
  const idOf = (number: number) => `${shard}-${number}`
  const today = Date.now()
  const daysAgo = (days: number) => new Date(today - days * 86_400_000)
  await prisma.user.createMany({ skipDuplicates: true, data: numbers.map(number => ({
    id: idOf(number),
    name: `${PEOPLE[number % PEOPLE.length]} ${shard.toUpperCase()} ${number}`,
    email: `${idOf(number)}@shop.example`,
    region: shard.toUpperCase(),
    createdAt: daysAgo(number),
  })) })
  await prisma.post.createMany({ skipDuplicates: true, data: numbers.map(number => ({
    id: `post-${idOf(number)}`, title: `My opinion on piece ${number}`, content: 'It is just what I was looking for.', published: number % 3 > 0, authorId: idOf(number), createdAt: daysAgo(number - 0.2),
  })) })
  await prisma.comment.createMany({ skipDuplicates: true, data: numbers.map(number => ({
    id: `comment-${idOf(number)}`, content: 'So do I.', postId: `post-${idOf(number)}`, authorId: idOf(1 + number % PEOPLE_PER_SHARD), createdAt: daysAgo(number - 0.4),
  })) })
  await prisma.order.createMany({ skipDuplicates: true, data: numbers.flatMap(number => Array.from({ length: ordersOf(number) }, (_, index) => ({
    id: `order-${idOf(number)}-${index}`, userId: idOf(number), productId: `p${1 + (number * 3 + index) % 120}`, total: 10 + number + index, createdAt: daysAgo(number * (1 - (index + 1) / 20)),
  }))) })
}

/** Most users have few orders. Every tenth user has enough orders for several pages. */
function ordersOf(number: number): number {
  return number % 10 === 0 ? 12 : number % 4
}

/** `if not exists` can fail if another session creates the same object at the same time. */
function ignoreTwins(error: unknown): void {
  if (!/already exists|unique constraint/i.test(String(error))) throw error
}
