import type { Nitro } from 'nitropack/types'
import type { ResolvedOptions } from '../options'
import { withPlainErrors } from './plain-error'
import type { FeatureContext } from './feature'

/**
 * The kind of server that runs the build of a preset.
 *
 * - `server`: Node's own server in one process, where everything works.
 * - `cluster`: one primary process with workers.
 * - `process`: another kind of server, which keeps running, but does not receive signals.
 * - `functions`: instances that are frozen between requests.
 * - `edge`: isolates without Node's TCP connections.
 * - `static`: only files, without a server.
 */
export type PresetKind = 'server' | 'cluster' | 'process' | 'functions' | 'edge' | 'static'

/** Every Nitro preset that is not built on node-server. The table in `docs/content/18.deploy.md` has the same content. */
export const PRESETS: Readonly<Record<string, PresetKind>> = {
  'node-cluster': 'cluster',
  'bun': 'process',
  'deno-server': 'process',
  'deno-server-legacy': 'process',
  'node-listener': 'process',
  'cli': 'functions',
  'aws-amplify': 'functions',
  'aws-lambda': 'functions',
  'azure-functions': 'functions',
  'azure-swa': 'functions',
  'firebase': 'functions',
  'genezio': 'functions',
  'netlify': 'functions',
  'netlify-builder': 'functions',
  'netlify-legacy': 'functions',
  'stormkit': 'functions',
  'vercel': 'functions',
  'zeabur': 'functions',
  'cloudflare-durable': 'edge',
  'cloudflare-module': 'edge',
  'cloudflare-module-legacy': 'edge',
  'cloudflare-pages': 'edge',
  'cloudflare-worker': 'edge',
  'deno-deploy': 'edge',
  'netlify-edge': 'edge',
  'service-worker': 'edge',
  'vercel-edge': 'edge',
  'winterjs': 'edge',
}

/** Presets that are built on node-server behave like it. They are recognised by their entry file. */
const NODE_SERVER = /[\\/]node-server(?:\.m?js)?$/
const NODE_CLUSTER = /[\\/]node-cluster(?:\.m?js)?$/

/** Returns the kind of a preset. A custom preset with its own entry file counts as `process`. */
export function kindOfPreset({ preset, entry = '', static: isStatic }: { preset: string, entry?: string, static?: boolean }): PresetKind {
  if (isStatic) return 'static'
  if (NODE_SERVER.test(entry)) return 'server'
  if (NODE_CLUSTER.test(entry)) return 'cluster'
  return PRESETS[preset.replaceAll('_', '-')] ?? 'process'
}

type Feature = 'redis' | 'rabbitmq' | 'database' | 'shards' | 'shutdown'

/** Features that do not work with a kind of preset. `error` stops the build. All other features work everywhere. */
const FAULTS: Readonly<Record<PresetKind, Partial<Record<Feature, 'warning' | 'error'>>>> = {
  server: {},
  // This kind has its own message, see CLUSTER.
  cluster: {},
  process: { shutdown: 'warning' },
  functions: { redis: 'warning', database: 'warning', shards: 'warning', shutdown: 'warning', rabbitmq: 'error' },
  edge: { redis: 'warning', database: 'error', shards: 'error', shutdown: 'warning', rabbitmq: 'error' },
  static: {},
}

const REASONS: Readonly<Record<PresetKind, string>> = {
  server: '',
  cluster: '',
  process: 'its server stops at once when it gets a signal',
  functions: 'it freezes an instance between requests, so connections break, messages are not consumed and invalidations are missed',
  edge: 'its isolates open no TCP connections and do not keep running between requests',
  static: '',
}

const CLUSTER = 'scale.shutdown cannot drain under the preset node-cluster, whose primary process does not hand signals on to its workers: '
  + 'build with the preset node-server and run one process for each container or core, or remove scale.shutdown.'

const REMEDY = 'Build with the preset node-server, and run one process for each container or core'

/** Returns one sentence about the features that do not work under a preset. Exported for its test. */
export function checkPreset(
  preset: string,
  kind: PresetKind,
  options: Pick<ResolvedOptions, Feature>,
): { error?: string, warning?: string } {
  if (kind === 'cluster') return options.shutdown ? { error: CLUSTER } : {}
  const sentence = (level: 'warning' | 'error') => {
    const features = Object.entries(FAULTS[kind])
      .flatMap(([feature, found]) => found === level && options[feature as Feature] ? [`scale.${feature}`] : [])
    if (features.length === 0) return undefined
    const verb = features.length > 1 ? 'do' : 'does'
    const last = features.length > 1 ? 'set them to false' : 'set it to false'
    return `${listOf(features)} ${verb} not work under the preset ${preset}: ${REASONS[kind]}. ${REMEDY}, or ${last}.`
  }
  return { error: sentence('error'), warning: sentence('warning') }
}

function listOf(items: readonly string[]): string {
  return items.length > 1 ? `${items.slice(0, -1).join(', ')} and ${items.at(-1)}` : items[0]!
}

/** Reports during the build which features do not work under the preset. */
export function setupPresets({ nuxt, options }: Pick<FeatureContext, 'nuxt' | 'options'>): void {
  if (nuxt.options.dev || nuxt.options._prepare) return
  nuxt.hook('nitro:init', instance => withPlainErrors(nuxt, () => {
    const { options: nitro, logger } = instance as unknown as Nitro
    const { error, warning } = checkPreset(nitro.preset, kindOfPreset(nitro), options)
    if (error) throw new Error(error)
    if (warning) logger.warn(`[nuxt-scale] ${warning}`)
  }))
}
