/** `node playground/prisma/generate.ts`: writes the client of the schema, without the network. */
import { generatePrisma } from '../../test/support/prisma.ts'

await generatePrisma('playground')
