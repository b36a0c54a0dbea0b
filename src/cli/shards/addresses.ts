import { shardLocations } from '../migrate/targets'
import { CliFailure } from '../support/exit'
import { readSource } from '../support/source'
import type { StoredMap } from './map-file'
import type { ShardAddress } from '../../reshard/open-session'

/**
 * The address of a shard, as the app would use it.
 *
 * @throws CliFailure when the app has none
 */
export function addressOfShard({ app }: StoredMap, shard: string): ShardAddress {
  const location = shardLocations(app.options, app.env).find(({ name }) => name === `shard:${shard}`)
  if (!location) throw new CliFailure(`The shard ${shard} has no address: add it to scale.shards.map.`)
  return { shard, url: readSource(location.source, app.env, location.path), schema: location.schema }
}
