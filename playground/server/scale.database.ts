import { defineScaleDatabase } from 'nuxt-scale/config'
import { createPrismaClient } from 'nuxt-scale/prisma'
import { PrismaClient } from './generated/prisma/client'

/**
 * Without a database server, all data is in one PGlite inside the process, with a schema for each tenant and shard. `DATABASE_URL`, or a
 * variable such as `DATABASE_URL_EU` for one tenant or shard, sets a PostgreSQL server.
 */
export default defineScaleDatabase(({ name, url, schema, pool }) => {
  const variable = `DATABASE_URL_${name.replace(/^shard /, '').toUpperCase()}`
  return createPrismaClient(PrismaClient, { url: process.env[variable] || process.env.DATABASE_URL || url, schema, pool })
})
