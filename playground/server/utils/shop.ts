import type { H3Event } from 'h3'

/** Returns the database client of the current tenant, after an artificial delay that makes the effect of the cache visible. */
async function shop() {
  await new Promise(resolve => setTimeout(resolve, Number(useRuntimeConfig().shop.delay)))
  return getTenantPrismaClient(useTenant().id)
}

export const listCategories = async () => (await shop()).category.findMany({ orderBy: { id: 'asc' } })
export const findCategory = async (id: string) => (await shop()).category.findUnique({ where: { id } })
export const findProduct = async (id: string) => (await shop()).product.findUnique({ where: { id } })
export const listProductsOf = async (categoryId: string) => (await shop()).product.findMany({ where: { categoryId }, orderBy: { createdAt: 'asc' } })

/** Returns a numbered page. Clients select it with `?page=` and `?limit=`. @throws 400 if a number is out of range */
export const listProductPages = async (event: H3Event) => paginate(event, (await shop()).product, { mode: 'offset', orderBy: { name: 'asc' }, limit: 10, maxLimit: 50, include: { category: true } })
/** Returns a cursor page. Clients select it with `?cursor=` and `?limit=`. @throws 400 if the cursor belongs to another list or tenant */
export const listNewestProducts = async (event: H3Event) => paginate(event, (await shop()).product, { orderBy: { createdAt: 'desc' }, limit: 12, maxLimit: 50, include: { category: true } })

/** Returns undefined if the category does not exist. */
export async function updateCategory(id: string, data: { name: string }) {
  const [category] = await (await shop()).category.updateManyAndReturn({ where: { id }, data })
  return category
}

/** Returns undefined if the product does not exist. */
export async function updateProduct(id: string, data: { price: number }) {
  const [product] = await (await shop()).product.updateManyAndReturn({ where: { id }, data })
  return product
}
