import { defineScaleDatabase } from 'nuxt-scale/config'
import { createPrismaClient } from 'nuxt-scale/prisma'
import { PrismaClient } from './generated/prisma/client'

/** Without a server everything lives in one PGlite inside the process, a schema each. `DATABASE_URL`, or one for a tenant or shard, leads to a real one. */
export default defineScaleDatabase(({ name, url, schema, pool }) => {
  const variable = `DATABASE_URL_${name.replace(/^shard /, '').toUpperCase()}`
  return createPrismaClient(PrismaClient, { url: process.env[variable] || process.env.DATABASE_URL || url, schema, pool })
})
