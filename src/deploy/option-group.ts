import { parseObject, refuseUnknownKeys } from '../runtime/server/core/settings'

/**
 * A block of options, none of them unknown.
 *
 * @throws Error naming the block, or the option that there is not
 */
export function group(value: unknown, path: string, keys: readonly string[]): Record<string, unknown> {
  const values = parseObject(value ?? {}, path)
  refuseUnknownKeys(values, keys, path)
  return values
}
