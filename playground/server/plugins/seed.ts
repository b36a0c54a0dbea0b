import { makeTables, seedPeople, seedShop } from '../database/seed'

let ready: Promise<unknown> | undefined

/** Creates the example data when the server starts. Requests wait until it is complete. */
export default defineNitroPlugin((nitroApp) => {
  if (import.meta.prerender) return
  ready = seed().finally(() => ready = undefined)
  ready.catch((error: unknown) => console.error('The shop could not create its example data.', error))
  nitroApp.hooks.hook('request', () => ready?.then(() => {}, () => {}))
})

async function seed(): Promise<void> {
  // The shards come first: their clients stay open, and so does the database inside the process.
  await scatter(async (prisma, shard) => {
    await makeTables(prisma, `shard_${shard}`)
    await seedPeople(prisma, shard)
  }, { concurrency: 1, timeout: '60s' })
  for (const tenant of ['acme', 'globex', 'initech']) {
    await withTenantDatabase(tenant, async (prisma) => {
      await makeTables(prisma, tenant)
      await seedShop(prisma, tenant)
    })
  }
}
