import process from 'node:process'
import type { Nuxt } from '@nuxt/schema'

/**
 * Runs a step of the build. Its errors are sentences that name the option, so their stack traces do not help the reader. They are removed,
 * unless `debug` is set in nuxt.config or `--debug` on the command line.
 *
 * @throws the error of `step`
 */
export function withPlainErrors<Result>(nuxt: Nuxt, step: () => Result): Result {
  try {
    return step()
  }
  catch (error) {
    if (error instanceof Error && !nuxt.options.debug && !process.argv.includes('--debug')) error.stack = `${error.name}: ${error.message}`
    throw error
  }
}
