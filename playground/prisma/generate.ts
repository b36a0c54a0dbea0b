/** `node playground/prisma/generate.ts` generates the Prisma client of the schema, without network access. */
import { generatePrisma } from '../../test/support/prisma.ts'

await generatePrisma('playground')
