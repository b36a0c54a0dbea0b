import { defineNitroPlugin, getPublicAsset, useRuntimeConfig } from '../nitro'
import { compilePathRules } from '../path-rules'
import { makeConditional } from './conditional-body'
import type { HttpModuleOptions, ResolvedHttpRule } from './settings'
import { resolveHttpSettings } from './settings'
import type { PublicFile } from './static-conditions'
import { wrapWithHttpRules } from './wrap'

/** Says of every response who may cache it. */
export default defineNitroPlugin((nitroApp) => {
  if (import.meta.prerender) return
  const { app, scale } = useRuntimeConfig()
  const buildAssets = `/${app.buildAssetsDir.replace(/^\/|\/$/g, '')}`
  const settings = resolveHttpSettings(scale.http as unknown as HttpModuleOptions, buildAssets)
  const base = app.baseURL.replace(/\/$/, '')
  const withoutBase = (path: string) => base && path.startsWith(base) ? path.slice(base.length) || '/' : path
  const ruleOf = compilePathRules<ResolvedHttpRule>(settings.rules, 'scale.http.rules')
  const publicFile = (path: string) => getPublicAsset(path) as PublicFile | undefined
  wrapWithHttpRules(nitroApp.h3App, {
    ruleOf: (path) => {
      const rule = ruleOf(withoutBase(path))
      return rule !== undefined && rule === settings.pages && publicFile(path) ? settings.publicFiles : rule
    },
    publicFile,
    buildAssets: `${base}${buildAssets}/`,
    isSessionCookie: settings.isSessionCookie,
    cdn: settings.cdn,
  })
  if (settings.etag) nitroApp.hooks.hook('beforeResponse', (event, answer) => makeConditional(event.node.req, event.node.res, answer))
})
