/** Returns the source of a response, from the `detail` of its `Cache-Status` header. */
export function cacheSource({ headers }: { headers: Headers }): string {
  return /detail=(\w+)/.exec(headers.get('cache-status') ?? '')?.[1] ?? 'uncacheable'
}
