import type { RouteLocationNormalizedLoaded, Router } from 'vue-router'

/** Returns the pattern of a route, such as `/products/:id`. Without a matching page, it is `_other`. */
export function patternOf({ matched }: Pick<RouteLocationNormalizedLoaded, 'matched'>): string {
  const pattern = matched[matched.length - 1]?.path.replaceAll('()', '')
  return pattern === undefined ? '_other' : pattern.replace(/(?<=.)\/$/, '') || '/'
}

/** Returns the pattern of the current page. */
export function currentPattern(nuxtApp: object): string {
  const { $router } = nuxtApp as { $router?: Router }
  return $router ? patternOf($router.currentRoute.value) : '_other'
}
