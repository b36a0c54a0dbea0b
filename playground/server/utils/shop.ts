/** The shop of the current tenant, behind an artificial delay that makes caches worth having. */
async function shop() {
  await new Promise(resolve => setTimeout(resolve, Number(useRuntimeConfig().shop.delay)))
  return getTenantPrismaClient(useTenant().id)
}

export const listCategories = async () => (await shop()).category.findMany({ orderBy: { id: 'asc' } })
export const findCategory = async (id: string) => (await shop()).category.findUnique({ where: { id } })
export const findProduct = async (id: string) => (await shop()).product.findUnique({ where: { id } })
export const listProductsOf = async (categoryId: string) => (await shop()).product.findMany({ where: { categoryId }, orderBy: { createdAt: 'asc' } })

export async function listProducts(page: number, limit: number) {
  const prisma = await shop()
  const [products, total] = await Promise.all([
    prisma.product.findMany({ orderBy: [{ createdAt: 'asc' }, { id: 'asc' }], skip: (page - 1) * limit, take: limit }),
    prisma.product.count(),
  ])
  return { products, page, pages: Math.ceil(total / limit) }
}

/** Undefined when there is no such category. */
export async function updateCategory(id: string, data: { name: string }) {
  const [category] = await (await shop()).category.updateManyAndReturn({ where: { id }, data })
  return category
}

/** Undefined when there is no such product. */
export async function updateProduct(id: string, data: { price: number }) {
  const [product] = await (await shop()).product.updateManyAndReturn({ where: { id }, data })
  return product
}

/** A whole number of the query within bounds. @throws 400 */
export function readNumber(value: unknown, name: string, fallback: number, most: number): number {
  const number = value === undefined ? fallback : Number(value)
  if (!Number.isInteger(number) || number < 1 || number > most) {
    throw createError({ statusCode: 400, message: `${name} must be a whole number from 1 to ${most}.` })
  }
  return number
}
