import { addTypeTemplate } from '@nuxt/kit'
import { nitroCacheTypes } from '../runtime/server/cache/nitro/augment'
import type { FeatureContext } from './feature'

/** Adds the types of the module to Nitro. It always adds all types, so that they do not depend on the options. */
export function setupTypes({ runtime }: Pick<FeatureContext, 'runtime'>): void {
  const everywhere = { nitro: true, node: true, nuxt: true }
  addTypeTemplate({
    filename: 'types/nuxt-scale.d.ts',
    getContents: () => `import type { AppCache } from ${JSON.stringify(runtime('cache/app-cache'))}
import type { RedisClient } from ${JSON.stringify(runtime('redis/types'))}
import type { Tenant } from ${JSON.stringify(runtime('tenancy/types'))}

interface ScaleApp {
  /** The cache, with \`get\`, \`set\` and \`invalidate\`. Absent with \`scale.cache: false\`. */
  cache: AppCache
  /** The shared ioredis client. Absent if no Redis is configured. */
  redis?: RedisClient
}

declare module 'nitropack/types' {
  interface NitroApp extends ScaleApp {}
}

declare module 'nitropack' {
  interface NitroApp extends ScaleApp {}
}

declare module 'h3' {
  interface H3EventContext {
    /** The tenant of the request. Absent without \`scale.tenancy\`, and on paths that it excludes. Only the module sets it. */
    readonly tenant?: Tenant
    /** The id of the request in logs and in the response. Absent without \`scale.log\`. */
    readonly requestId?: string
  }
}

export {}
`,
  }, everywhere)
  addTypeTemplate({
    filename: 'scale/app-types.d.ts',
    getContents: () => `import type { ReportedEvent } from ${JSON.stringify(runtime('../app/report'))}

declare module '#app' {
  interface RuntimeNuxtHooks {
    /**
     * Runs before \`scale.monitoring\` adds an event to its next message. It can change the values of the event, or drop the event.
     * It must be synchronous.
     */
    'scale:beforeSend': (event: ReportedEvent, drop: () => void) => void
  }
}

export {}
`,
  }, { nuxt: true })
  addTypeTemplate({ filename: 'scale/build-types.d.ts', getContents: () => clientModules(runtime('../app')) }, { nuxt: true })
  addTypeTemplate({ filename: 'types/nuxt-scale-virtual.d.ts', getContents: () => virtualModules }, everywhere)
  addTypeTemplate({ filename: 'types/nuxt-scale-cache.d.ts', getContents: () => nitroCacheTypes }, everywhere)
}

/** Modules that exist only in a build. */
const virtualModules = `declare module '#scale/database.mjs' {
  const factory: unknown
  export default factory
}

declare module '#scale/config.mjs' {
  const config: object
  export default config
}

declare module '#scale/shard-details.mjs' {
  const details: Record<string, { schema?: string, replicas?: string | readonly string[] }>
  export default details
}

declare module '#scale/tenant-details.mjs' {
  const details: Record<string, { schema?: string, replicas?: string | readonly string[] }>
  export default details
}

declare module '#scale/routes.mjs' {
  /** Server routes that answer GET, and routes that the page renderer answers. */
  const routes: { own: readonly string[], pages: readonly string[] }
  export default routes
}

declare module '#scale/nitro-mounts.mjs' {
  /** Names of the mounts that Nitro and its preset create. */
  const nitroMounts: readonly string[]
  export default nitroMounts
}

declare module '#scale/page-routes.mjs' {
  /** Patterns of the pages, such as /products/:id. */
  const patterns: readonly string[]
  export default patterns
}

declare module '#scale/all-routes.mjs' {
  /** Patterns of the server routes, for all methods. */
  const patterns: readonly string[]
  export default patterns
}

declare module '#scale/app-info.mjs' {
  const info: { name: string, version: string, nuxt: string, nitro: string }
  export default info
}

declare module '#scale/consumers.mjs' {
  const consumers: { source: string, consumer: never }[]
  export default consumers
}

declare module '#nitro-internal-virtual/error-handler' {
  export default function errorHandler(error: import('h3').H3Error, event: import('h3').H3Event): Promise<void>
}

declare module '#nitro-internal-virtual/public-assets' {
  export function getAsset(path: string): object | undefined
  export function isPublicAssetURL(path: string): boolean
}
`

/** Modules that exist only in the build of the client, whose types need a browser. */
function clientModules(app: string): string {
  return `declare module '#build/scale/monitoring.mjs' {
  export const path: string
  export const release: string
  /** Milliseconds. */
  export const slowResource: number
  export const sampleRate: number
}

declare module '#build/scale/reporters.mjs' {
  export const createErrorReporter: typeof import('${app}/error-reporter').createErrorReporter
  export const startPerformanceReporter: typeof import('${app}/performance-reporter').startPerformanceReporter
}
`
}
