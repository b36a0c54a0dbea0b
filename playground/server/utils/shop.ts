import type { H3Event } from 'h3'

/** The shop of the current tenant, behind an artificial delay that makes caches worth having. */
async function shop() {
  await new Promise(resolve => setTimeout(resolve, Number(useRuntimeConfig().shop.delay)))
  return getTenantPrismaClient(useTenant().id)
}

export const listCategories = async () => (await shop()).category.findMany({ orderBy: { id: 'asc' } })
export const findCategory = async (id: string) => (await shop()).category.findUnique({ where: { id } })
export const findProduct = async (id: string) => (await shop()).product.findUnique({ where: { id } })
export const listProductsOf = async (categoryId: string) => (await shop()).product.findMany({ where: { categoryId }, orderBy: { createdAt: 'asc' } })

/** Page numbers are asked for with `?page=` and `?limit=`. @throws 400 for what is out of bounds */
export const listProductPages = async (event: H3Event) => paginate(event, (await shop()).product, { mode: 'offset', orderBy: { name: 'asc' }, limit: 10, maxLimit: 50, include: { category: true } })
/** Pages are asked for with `?cursor=` and `?limit=`. @throws 400 for a cursor that is not of this list and tenant */
export const listNewestProducts = async (event: H3Event) => paginate(event, (await shop()).product, { orderBy: { createdAt: 'desc' }, limit: 12, maxLimit: 50, include: { category: true } })

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
