import { shardLocations } from '../migrate/targets'
import { CliFailure } from '../support/command'
import { readSource } from '../support/source'
import type { StoredMap } from './map-file'
import type { ShardAddress } from '../../reshard/open-session'

/**
 * Returns the address of a shard that the app uses.
 *
 * @throws CliFailure if the shard does not have an address
 */
export function addressOfShard({ app }: StoredMap, shard: string): ShardAddress {
  const location = shardLocations(app.options, app.env).find(({ name }) => name === `shard:${shard}`)
  if (!location) throw new CliFailure(`The shard ${shard} has no address: add it to scale.shards.map.`)
  return { shard, url: readSource(location.source, app.env, location.path), schema: location.schema }
}
