import { relative } from 'node:path'
import { BaseSequencer } from 'vitest/node'
import type { TestSpecification } from 'vitest/node'

/**
 * The files that take longest, which start first. A fresh clone knows no durations, and vitest would start small files last:
 * the longest of them would then run alone. The order does not matter for the others.
 */
const FIRST = [
  'test/integration/rabbitmq-faults.test.ts',
  'test/integration/cli-shards-move-faults.test.ts',
  'test/e2e/tenancy.test.ts',
  'test/e2e/features.test.ts',
  'test/e2e/package.test.ts',
  'test/integration/cli-shards-move-tables.test.ts',
  'test/integration/cli-shards-move.test.ts',
  'test/integration/cli-shards-move-kills.test.ts',
  'test/integration/cli-shards-move-carries.test.ts',
  'test/docs/first-contact.test.ts',
  'test/e2e/demo.test.ts',
  'test/integration/cli-shards-move-waiting.test.ts',
  'test/docs/code.test.ts',
]

/** Counts failed requests while servers restart. It starts last, when few other files compete with it for the processor. */
const LAST = 'test/e2e/rolling-restart.test.ts'

/** Starts the longest files first, and the others as vitest orders them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const file = relative(this.ctx.config.root, moduleId)
      if (file === LAST) return FIRST.length + 1
      return FIRST.includes(file) ? FIRST.indexOf(file) : FIRST.length
    }
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other))
  }
}
