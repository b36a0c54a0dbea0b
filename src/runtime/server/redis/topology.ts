import { readSwitch } from '../core/settings'
import type { FieldLookup, OptionSources } from './option-sources'
import type { SourcedValue } from './sourced-value'

/** The kind of Redis deployment, and the values that contain its address. */
export interface Topology {
  kind: 'single' | 'sentinel' | 'cluster'
  /** The servers, if they are given as a list. */
  list?: SourcedValue
  url?: SourcedValue
  host?: SourcedValue
}

/**
 * Finds the topology: `cluster`, else `sentinels`, else `url`, else `host`.
 * It comes from the options if they contain an address, otherwise from the plain variables. The two are not mixed.
 *
 * @returns undefined when no Redis is configured
 * @throws Error if both Sentinels and a Cluster are set, or if a Cluster has no address
 */
export function findTopology(sources: OptionSources): Topology | undefined {
  return topologyOf(sources.option, sources) ?? topologyOf(sources.plain, sources)
}

function topologyOf(level: FieldLookup, sources: OptionSources): Topology | undefined {
  const cluster = level('cluster')
  const clusterFlag = cluster && readSwitch(cluster.value)
  const sentinels = level('sentinels')
  if (cluster && clusterFlag !== false && sentinels) {
    throw new Error(`${cluster.label} and ${sentinels.label} are both set: keep only the one that you run.`)
  }
  if (cluster && clusterFlag === undefined) {
    return { kind: 'cluster', list: cluster }
  }
  if (sentinels) {
    return { kind: 'sentinel', list: sentinels }
  }
  const near = addressOf(level)
  if (clusterFlag) {
    const start = near ?? addressOf(sources.either)
    if (!start) {
      throw new Error(
        `${cluster!.label} is true, but there is no address: list the nodes as 'host:port,host:port', or add scale.redis.url (REDIS_URL).`,
      )
    }
    return { kind: 'cluster', ...start }
  }
  if (!near) {
    return undefined
  }
  const isCluster = !cluster && readSwitch(sources.plain('cluster')?.value) === true
  return { kind: isCluster ? 'cluster' : 'single', ...near }
}

function addressOf(level: FieldLookup): Pick<Topology, 'url' | 'host'> | undefined {
  const url = level('url')
  if (url) {
    return { url }
  }
  const host = level('host')
  return host && { host }
}
