import type { Nitro } from 'nitropack/types'
import type { FeatureContext } from './types'

const NITRO_APP = /[\\/]nitropack[\\/]dist[\\/]runtime[\\/]internal[\\/]app\.m?js$/

/** A function that is written right behind the `=` of a property of the event. */
const FUNCTION_OF_EVENT = /\bevent\.[\w$]+ = (?=\([\w$, ]*\) =>)/g

/**
 * Keeps what a request leaves behind from growing old. V8 takes a function that is assigned to a property where it is written for a method that stays,
 * and makes it in the old part of its heap (`CheckAssigningFunctionLiteralToProperty` of its parser). Nitro 2 gives every event four such functions.
 * They outlive their request and keep it alive, so that each collection of the young copies whole requests, and, once V8 has learnt from that where
 * objects live long, half the speed of a server may be gone. Behind a condition they are functions like any other.
 */
export function keepClosuresYoung({ nuxt }: Pick<FeatureContext, 'nuxt'>): void {
  if (nuxt.options.dev) return
  nuxt.hook('nitro:init', (instance) => {
    const { hooks } = instance as unknown as Nitro
    hooks.hook('rollup:before', (_, { plugins }) => {
      if (Array.isArray(plugins)) plugins.push({ name: 'nuxt-scale:young-closures', transform: (code: string, id: string) => NITRO_APP.test(id) ? { code: makeYoung(code), map: null } : null })
    })
  })
}

/** Puts a condition before each function that is assigned to a property of the event; lines stay where they are. */
export function makeYoung(code: string): string {
  return code.replace(FUNCTION_OF_EVENT, assignment => `${assignment}event === undefined ? undefined : `)
}
