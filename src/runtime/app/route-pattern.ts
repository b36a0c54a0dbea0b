import type { RouteLocationNormalizedLoaded, Router } from 'vue-router'

/** Returns the pattern of a route, such as `/products/:id`. Without a matching page, it is `_other`. */
export function patternOf({ matched }: Pick<RouteLocationNormalizedLoaded, 'matched'>): string {
  const path = matched[matched.length - 1]?.path
  return path === undefined ? '_other' : normalizePattern(path)
}

/** Returns one spelling of a pattern of vue-router, for the browser and for the build. */
export function normalizePattern(path: string): string {
  return path.replaceAll('()', '').replace(/(?<=.)\/$/, '') || '/'
}

/** Returns the pattern of the current page. */
export function currentPattern(nuxtApp: object): string {
  const { $router } = nuxtApp as { $router?: Router }
  return $router ? patternOf($router.currentRoute.value) : '_other'
}
