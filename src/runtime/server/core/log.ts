// The basic one: prompts and colours have no place in a server's log, and are four fifths of the package.
import { consola } from 'consola/basic'

/** A logger that names the module and the feature on every line. */
export function createLog(feature: string) {
  return consola.withTag(`nuxt-scale:${feature}`)
}
