import { addDatabase } from '../database/current'
import { createLog } from '../log'
import { defineNitroPlugin, useRuntimeConfig } from '../nitro'
import { databaseOfShard, setCurrentShards } from './current'
import { createShardResolver } from './resolve'
import type { ShardsModuleOptions, ShardsSettings } from './settings'
import { resolveShardsSettings } from './settings'
import { followSlotMapFile, readSlotMapFile } from './slot-map-file'

/** Gives every shard a database client, and a way to find the right one. */
export default defineNitroPlugin((nitroApp) => {
  const options = resolveShardsSettings(useRuntimeConfig().scale.shards as unknown as ShardsModuleOptions)
  const settings = options.slotMapFile ? readSlotMapFile(options) : options
  for (const [shard, { url, schema }] of settings.map) addDatabase(databaseOfShard(shard), { url: addressOf(shard, url), schema })
  setCurrentShards(createShardResolver(settings))
  const log = createLog('shards')
  if (settings.slotMapFile) {
    const stop = followSlotMapFile(settings, { onChange: next => setCurrentShards(createShardResolver(next)), onRefused: sentence => log.warn(sentence) })
    nitroApp.hooks.hookOnce('close', stop)
  }
  if (!import.meta.dev && mustBeStored(settings)) {
    log.warn('The slot map of the shards is not stored: that is right until a shard comes or goes, before which scale.shards.slotMap must hold it.')
  }
})

/** @throws Error naming the variable, since a shard that is not there would fail some users and not others */
function addressOf(shard: string, source: string): string {
  const url = source.includes(':') ? source : process.env[source]
  if (!url) throw new Error(`The shard ${shard} has no database: set ${source} where the server starts.`)
  return url
}

function mustBeStored({ strategy, stored, spread }: ShardsSettings): boolean {
  return strategy === 'slots' && !stored && spread.length > 1
}
