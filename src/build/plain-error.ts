import process from 'node:process'
import type { Nuxt } from '@nuxt/schema'

/**
 * Runs a step of the build. What it throws is a sentence that names the option, so the stack of the module below it says nothing to
 * the reader: it is taken off, unless `debug` is set in nuxt.config or `--debug` on the command line.
 *
 * @throws what `step` throws
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
