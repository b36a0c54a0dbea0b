import { parseObject, refuseUnknownKeys } from '../runtime/server/core/settings'

/**
 * Checks that a block of options is an object without unknown options.
 *
 * @throws Error that names the block, or the unknown option
 */
export function group(value: unknown, path: string, keys: readonly string[]): Record<string, unknown> {
  const values = parseObject(value ?? {}, path)
  refuseUnknownKeys(values, keys, path)
  return values
}
