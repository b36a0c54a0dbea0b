/** Who answered, as `Cache-Status` says in its `detail`. */
export function cacheSource({ headers }: { headers: Headers }): string {
  return /detail=(\w+)/.exec(headers.get('cache-status') ?? '')?.[1] ?? 'uncacheable'
}
