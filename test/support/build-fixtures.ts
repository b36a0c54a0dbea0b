/**
 * Builds the apps that several test files start, two at a time, so that those need not build them one after another.
 * Run by `npm test` before vitest. An app that is not listed here is built by the first test that needs it.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { buildFixture } from './nuxt.ts'
import { generatePrisma } from './prisma.ts'

const AT_A_TIME = 2
const apps = ['playground', ...['tenancy', 'edge', 'operations', 'rabbitmq', 'database', 'monitoring'].map(name => `test/fixtures/${name}`)]

const next = apps.values()
await Promise.all(Array.from({ length: AT_A_TIME }, async () => {
  for (const app of next) {
    if (existsSync(join(app, 'prisma/schema.prisma'))) await generatePrisma(app)
    await buildFixture(resolve(app))
  }
}))
