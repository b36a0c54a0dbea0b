// The basic build, because a server log needs no prompts and colours, which are four fifths of the package.
import { consola } from 'consola/basic'

/** Creates a logger that adds the module and the feature to every line. */
export function createLog(feature: string) {
  return consola.withTag(`nuxt-scale:${feature}`)
}
