import { formatNode } from './address'
import type { RedisSettings } from './settings'

/** Address of the settings for a log line: never a user name, a password or a key. */
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
