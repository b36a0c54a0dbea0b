import { useFeatureConfig, useScaleConfig } from '../core/scale-config'
import config from '#scale/config.mjs'
import details from '#scale/tenant-details.mjs'
import { onClose } from '../core/closing'
import { createLog } from '../core/log'
import { defineNitroPlugin, getPublicAsset, useRuntimeConfig } from '../nitro'
import type { PathReadings } from '../core/paths'
import { compilePathPatterns } from '../core/paths'
import { createPageFinder } from '../request/page-finder'
import { provideScopeRunner } from '../request/call-context'
import { tenantLocationService } from '../request/tenant'
import { createTenantDirectory, locate } from './directory'
import { REFUSED_ASSIGNMENT } from './guard-context'
import { createTenantResolver, tenancyService } from './resolve'
import type { TenancyModuleOptions } from './settings'
import { tenancySettings } from './settings'
import type { TenancyFunctions } from './types'
import { withTenant } from './utils'
import { wrapWithTenant } from './wrap'

/** Sets the tenant of every request before any code of the app runs. */
export default defineNitroPlugin((nitroApp) => {
  const { app } = useRuntimeConfig()
  const scale = useScaleConfig()
  const settings = tenancySettings.resolve(useFeatureConfig<TenancyModuleOptions>('tenancy'), details)
  const { tenant, authorize, tenants, tenantByDomain } = config as TenancyFunctions
  if (settings.map.size === 0 && !tenants) {
    throw new Error('scale.tenancy has no tenants: list them in scale.tenancy.map, or look them up in tenants() of server/scale.config.ts.')
  }
  if (settings.header && !settings.trusts && !authorize && !import.meta.dev && !import.meta.prerender) {
    throw new Error(`Any client could choose its tenant with the header ${settings.header}: set scale.tenancy.trustedProxies to the`
      + ' addresses of your proxies (\'any\' if every request passes a proxy), or write authorize() in server/scale.config.ts.')
  }
  if (tenantByDomain && !settings.byDomain) {
    throw new Error('tenantByDomain() of server/scale.config.ts would never be called: add \'domain\' to scale.tenancy.from.')
  }
  if (!settings.header && settings.baseDomains.length === 0 && !tenantByDomain && !tenant) {
    throw new Error('With this scale.tenancy.from, no request can name its tenant: write tenantByDomain() in server/scale.config.ts.')
  }
  const directory = createTenantDirectory(settings, tenants)
  const resolver = createTenantResolver(settings, directory, { tenant, authorize, tenantByDomain }, process.env)
  tenancyService.provide(resolver)
  tenantLocationService.provide(async (id) => {
    const record = await directory.find(id)
    return record && locate(record, process.env)
  })
  provideScopeRunner(withTenant)
  // This runs last, because other parts may still work for a tenant while the server shuts down.
  onClose(nitroApp, 'context', () => provideScopeRunner(undefined))
  // A prerendered page is one file for all tenants, so prerendering runs without a tenant.
  if (import.meta.prerender) return

  const base = app.baseURL.replace(/\/$/, '')
  const assets = `/${app.buildAssetsDir.replace(/^\/|\/$/g, '')}/**`
  const ownPaths = [
    assets, '/__nuxt_error', '/_scale/**',
    ...scale.health ? [`${scale.health.path}/**`] : [],
    ...scale.monitoring ? [scale.monitoring.path] : [],
  ]
  // The module's own paths are compared exactly as written: a page at another spelling of such a path still needs its tenant.
  const isOwn = compilePathPatterns(ownPaths, 'scale.health.path', { match: 'every', base })
  const isExcluded = compilePathPatterns(settings.exclude, 'scale.tenancy.exclude', { match: 'every', base, isPage: createPageFinder() })
  wrapWithTenant(nitroApp.h3App, nitroApp.router.handler, {
    resolver,
    isExcluded: (path: PathReadings) => isOwn(path) || isExcluded(path),
    isPublicFile: path => getPublicAsset(path) !== undefined,
    // `host` matters for caches in front whose key contains the address of this server instead of the host, as nginx does by default.
    varies: [...settings.header ? [settings.header] : [], ...settings.baseDomains.length > 0 || tenantByDomain ? ['host'] : []],
    isPrivate: tenant !== undefined || authorize !== undefined,
    onAssignment: import.meta.dev ? throwAssignment : once(() => createLog('tenancy').warn(REFUSED_ASSIGNMENT)),
  })
  if (settings.header && !settings.trusts && !authorize) {
    createLog('tenancy').warn(`Any client can choose its tenant with the header ${settings.header}. A production server does not start like`
      + ' this: set scale.tenancy.trustedProxies, or write authorize() in server/scale.config.ts.')
  }
})

function throwAssignment(): never {
  throw new TypeError(REFUSED_ASSIGNMENT)
}

function once(action: () => void): () => void {
  let done = false
  return () => {
    if (!done) action()
    done = true
  }
}
