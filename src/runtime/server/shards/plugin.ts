import { useFeatureConfig } from '../core/scale-config'
import details from '#scale/shard-details.mjs'
import { onClose } from '../core/closing'
import { addDatabase } from '../database/service'
import { pingDatabase } from '../database/ping'
import { addressesOf, addressOf, parseReplicas } from '../core/database-address'
import { provideHealthCheck } from '../core/health-checks'
import { createLog } from '../core/log'
import { defineNitroPlugin } from '../nitro'
import { countMoves } from './count-moves'
import { databaseOfShard, shardsService, createShardResolver } from './resolve'
import type { ShardsModuleOptions, ShardSource, ShardsSettings } from './settings'
import { readSlotGauges } from './read-slot-gauges'
import { shardsSettings } from './settings'
import { followSlotMapFile, readSlotMapFile } from './slot-map-file'
import type { TenantLocation } from '../request/tenant'

/** Registers a database client and a health check for every shard, and provides the shard resolver. */
export default defineNitroPlugin((nitroApp) => {
  const options = shardsSettings.resolve(useFeatureConfig<ShardsModuleOptions>('shards'), details)
  const settings = options.slotMapFile ? readSlotMapFile(options) : options
  for (const [shard, source] of settings.map) {
    const name = databaseOfShard(shard)
    const spec = addDatabase(name, locate(shard, source))
    provideHealthCheck({ name, feature: 'shards', run: () => pingDatabase(spec) })
  }
  let { slotMap } = settings
  shardsService.provide(createShardResolver(settings))
  if (settings.strategy === 'slots') onClose(nitroApp, 'databases', readSlotGauges(() => slotMap))
  const log = createLog('shards')
  if (settings.slotMapFile) {
    const stop = followSlotMapFile(settings, {
      onChange: (next) => {
        countMoves(slotMap, next.slotMap)
        slotMap = next.slotMap
        shardsService.provide(createShardResolver(next))
      },
      onRefused: sentence => log.warn(sentence),
    })
    onClose(nitroApp, 'databases', stop)
  }
  if (!import.meta.dev && mustBeStored(settings)) {
    log.warn('The slot map of the shards is not stored: before you add or remove a shard, store it in scale.shards.slotMap or slotMapFile.')
  }
})

/** Reads the address of a shard. @throws Error that names the variable: without the shard, requests of only some users would fail */
function locate(shard: string, { url: source, schema, replicas }: ShardSource): TenantLocation {
  const url = addressOf(source, process.env)
  if (url === undefined) throw new Error(`The shard ${shard} has no database: set ${source} where the server starts.`)
  return { url, schema, replicas: addressesOf(parseReplicas(replicas, `scale.shards.map.${shard}.replicas`), process.env) }
}

function mustBeStored({ strategy, stored, spread }: ShardsSettings): boolean {
  return strategy === 'slots' && !stored && spread.length > 1
}
