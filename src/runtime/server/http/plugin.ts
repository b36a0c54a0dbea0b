import { useFeatureConfig } from '../core/scale-config'
import { defineNitroPlugin, getPublicAsset, useRuntimeConfig } from '../nitro'
import { compilePathRules } from '../core/paths'
import { answerConditionally } from './conditional-body'
import type { HttpModuleOptions } from './settings'
import { httpSettings, stricterHttpRule } from './settings'
import type { PublicFile } from './static-conditions'
import { wrapWithHttpRules } from './wrap'
import { wantResponseTags } from '../cache/response-tags'
import { createLog } from '../core/log'
import { createPageFinder } from '../request/page-finder'

/** Sets the caching headers of every response. */
export default defineNitroPlugin((nitroApp) => {
  if (import.meta.prerender) return
  const { app } = useRuntimeConfig()
  const buildAssets = `/${app.buildAssetsDir.replace(/^\/|\/$/g, '')}`
  const settings = httpSettings.resolve(useFeatureConfig<HttpModuleOptions>('http'), buildAssets)
  const base = app.baseURL.replace(/\/$/, '')
  const ruleOf = compilePathRules(settings.rules, 'scale.http.rules', { stricter: stricterHttpRule, isPage: createPageFinder(), base })
  const publicFile = (path: string) => getPublicAsset(path) as PublicFile | undefined
  wrapWithHttpRules(nitroApp.h3App, {
    ruleOf: (path) => {
      const rule = ruleOf(path)
      return rule !== undefined && rule === settings.pages && typeof path === 'string' && publicFile(path) ? settings.publicFiles : rule
    },
    publicFile,
    buildAssets: `${base}${buildAssets}/`,
    isSessionCookie: settings.isSessionCookie,
    credentialHeaders: settings.credentialHeaders,
    cdn: settings.cdn,
    tags: settings.tags,
    onTooManyTags: once((path) => {
      const { header, longestHeader, mostTags } = settings.tags!
      createLog('http').warn(
        `The response of ${path} has more cache tags than ${header} can contain (${mostTags} tags, ${longestHeader} bytes), `
        + 'so the CDN does not store it: use fewer tags. This warning appears once.',
      )
    }),
  })
  if (settings.tags) wantResponseTags()
  if (settings.etag) answerConditionally(nitroApp.h3App)
})

function once(tell: (path: string) => void): (path: string) => void {
  let told = false
  return (path) => {
    if (told) return
    told = true
    tell(path)
  }
}
