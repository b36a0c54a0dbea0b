/**
 * The source of the shop: a list in memory behind an artificial delay, the same at every start.
 * Each instance has its own copy, so with several of them a change is seen where it was made.
 */
export interface Category { id: string, name: string }
export interface Product { id: string, categoryId: string, name: string, description: string, price: number, stock: number, createdAt: string }

const names = ['Garden', 'Kitchen', 'Books', 'Toys', 'Tools', 'Lamps', 'Music', 'Sport']
const things = ['Classic', 'Little', 'Grand', 'Quiet', 'Bright', 'Sturdy', 'Clever', 'Plain', 'Noble', 'Swift', 'Warm', 'Round', 'Tall', 'Light', 'Old']

const categories: Category[] = names.map(name => ({ id: name.toLowerCase(), name }))
const products: Product[] = categories.flatMap((category, at) => things.map((thing, index) => {
  const number = at * things.length + index + 1
  return {
    id: `p${number}`,
    categoryId: category.id,
    name: `${thing} ${category.name.toLowerCase()} piece`,
    description: `A ${thing.toLowerCase()} piece for your ${category.name.toLowerCase()} shelf, number ${number} of our list.`,
    price: Math.round(500 + (number * 7919) % 9500) / 100,
    stock: (number * 31) % 40,
    createdAt: new Date(Date.UTC(2026, 0, 1 + number)).toISOString(),
  }
}))

async function query<T>(answer: () => T): Promise<T> {
  await new Promise(resolve => setTimeout(resolve, Number(useRuntimeConfig().shop.delay)))
  return structuredClone(answer())
}

export const listCategories = () => query(() => categories)
export const findCategory = (id: string) => query(() => categories.find(category => category.id === id))
export const findProduct = (id: string) => query(() => products.find(product => product.id === id))
export const listProducts = (page: number, limit: number) => query(() => ({
  products: products.slice((page - 1) * limit, page * limit),
  page,
  pages: Math.ceil(products.length / limit),
}))
export const listProductsOf = (categoryId: string) => query(() => products.filter(product => product.categoryId === categoryId))
export const updateCategory = (id: string, change: Pick<Category, 'name'>) => query(() => {
  const category = categories.find(category => category.id === id)
  return category && Object.assign(category, change)
})
export const updateProduct = (id: string, change: Pick<Product, 'price'>) => query(() => {
  const product = products.find(product => product.id === id)
  return product && Object.assign(product, change)
})

/** A whole number of the query within bounds. @throws 400 */
export function readNumber(value: unknown, name: string, fallback: number, most: number): number {
  const number = value === undefined ? fallback : Number(value)
  if (!Number.isInteger(number) || number < 1 || number > most) {
    throw createError({ statusCode: 400, message: `${name} must be a whole number from 1 to ${most}.` })
  }
  return number
}
