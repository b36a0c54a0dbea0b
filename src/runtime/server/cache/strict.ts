import type { CacheEngine, CacheOptions, InvalidateOptions, ScopeOptions } from './types'

/** The option names of a type. The compiler rejects missing and unknown names. */
const names = <Options extends object>(options: Record<keyof Required<Options>, true>): readonly string[] => Object.keys(options)

const CALL_OPTIONS = names<CacheOptions>({
  ttl: true, staleTtl: true, staleIfError: true, jitter: true, tags: true, timeout: true, softTimeout: true, lease: true,
  earlyRefresh: true, serializer: true, validate: true, onSource: true, waitUntil: true, onRefreshError: true, reads: true,
})
const PEEK_OPTIONS = names<Pick<CacheOptions, 'serializer'>>({ serializer: true })
const INVALIDATE_OPTIONS = names<InvalidateOptions>({ scope: true, strict: true })
const SCOPE_OPTIONS = names<ScopeOptions>({ scope: true })

/**
 * Makes an engine reject unknown options instead of ignoring them. Only development uses it, so production calls have no extra cost.
 */
export function refuseUnknownOptions(engine: CacheEngine): void {
  const { get, peek, set, invalidate, invalidatePattern, invalidateTags, keys } = engine
  engine.get = async (key, load, options) => {
    if (typeof options !== 'number') checkOptions(options, CALL_OPTIONS, 'A cached value')
    return get(key, load, options)
  }
  engine.peek = async (key, options) => peek(key, checkOptions(options, PEEK_OPTIONS, 'A read of the cache'))
  engine.set = async (key, value, options) => set(key, value, checkOptions(options, CALL_OPTIONS, 'A cached value'))
  engine.invalidate = async (list, options) => invalidate(list, checkOptions(options, INVALIDATE_OPTIONS, 'An invalidation'))
  engine.invalidatePattern = async (pattern, options) => {
    return invalidatePattern(pattern, checkOptions(options, INVALIDATE_OPTIONS, 'An invalidation'))
  }
  engine.invalidateTags = async (tags, options) => {
    return invalidateTags(tags, checkOptions(options, INVALIDATE_OPTIONS, 'An invalidation'))
  }
  engine.keys = async (pattern, options) => keys(pattern, checkOptions(options, SCOPE_OPTIONS, 'A list of keys'))
}

/**
 * Returns the options of a call if all of them are known.
 *
 * @param subject the call that takes the options, such as `A cached value`, for the error message
 * @throws TypeError that names the unknown option and the known ones
 */
export function checkOptions<Options extends object | undefined>(options: Options, known: readonly string[], subject: string): Options {
  if (options === undefined) return options
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`The options of a cache call must be an object: ${subject.toLowerCase()} takes ${known.join(', ')}.`)
  }
  const unknown = Object.keys(options).find(name => !known.includes(name))
  if (unknown !== undefined) {
    throw new TypeError(`The cache option ${unknown} does not exist: ${subject.toLowerCase()} takes ${known.join(', ')}.`)
  }
  return options
}
