import { formatNode } from './address'
import type { RedisSettings } from './settings'

/** Formats the address for a log line, without the user name, the password and the TLS key. */
export function describeRedis(settings: RedisSettings): string {
  const secure = settings.tls ? 's' : ''
  if (settings.kind === 'sentinel') {
    return `redis${secure}+sentinel://${settings.sentinels.map(formatNode).join(',')}/${settings.name}/${settings.database}`
  }
  if (settings.kind === 'cluster') {
    return `redis${secure}+cluster://${settings.nodes.map(formatNode).join(',')}`
  }
  return `redis${secure}://${formatNode(settings)}/${settings.database}`
}
