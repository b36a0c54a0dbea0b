import { addDatabase } from '../database/current'
import { createLog } from '../log'
import { defineNitroPlugin, useRuntimeConfig } from '../nitro'
import { databaseOfShard, setCurrentShards } from './current'
import { createShardResolver } from './resolve'
import type { ShardsModuleOptions, ShardsSettings } from './settings'
import { resolveShardsSettings } from './settings'

/** Gives every shard a database client, and a way to find the right one. */
export default defineNitroPlugin(() => {
  const settings = resolveShardsSettings(useRuntimeConfig().scale.shards as unknown as ShardsModuleOptions)
  for (const [shard, { url, schema }] of settings.map) addDatabase(databaseOfShard(shard), { url: addressOf(shard, url), schema })
  setCurrentShards(createShardResolver(settings))
  if (!import.meta.dev && mustBeStored(settings)) {
    createLog('shards').warn('The slot map of the shards is not stored: that is right until a shard comes or goes, before which scale.shards.slotMap must hold it.')
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
