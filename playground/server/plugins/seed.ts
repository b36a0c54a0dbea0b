import { makeTables, seedPeople, seedShop } from '../database/seed'

let ready: Promise<unknown> | undefined

/** Fills the databases when the server starts. Requests wait for it. */
export default defineNitroPlugin((nitroApp) => {
  if (import.meta.prerender) return
  ready = seed().finally(() => ready = undefined)
  ready.catch((error: unknown) => console.error('The shop could not fill its databases.', error))
  nitroApp.hooks.hook('request', () => ready?.then(() => {}, () => {}))
})

async function seed(): Promise<void> {
  // The shards first: their clients stay, and with them the database inside the process.
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
