import { consola } from 'consola'

/** A logger that names the module and the room on every line. */
export function createLog(room: string) {
  return consola.withTag(`nuxt-scale:${room}`)
}
