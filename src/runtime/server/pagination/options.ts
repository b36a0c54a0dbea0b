import { parseCount } from '../core/settings'

/** The bounds of a list. */
export interface PaginationOptions {
  /**
   * Rows of a page when the request says nothing.
   * @default 20
   */
  limit?: number
  /**
   * Most rows that a request may ask for.
   * @default 100
   */
  maxLimit?: number
  /**
   * Most rows that a page number may skip. The database reads and drops each of them.
   * @default 10_000
   */
  maxOffset?: number
}

/** The bounds, checked. */
export type PageBounds = Required<PaginationOptions>

/** @throws Error naming the option that is wrong */
export function resolveBounds(options: PaginationOptions, caller: string): PageBounds {
  const maxLimit = parseCount(options.maxLimit ?? 100, `maxLimit of ${caller}`)
  const limit = parseCount(options.limit ?? Math.min(20, maxLimit), `limit of ${caller}`)
  if (limit > maxLimit) throw new TypeError(`limit of ${caller} is ${limit}, above its maxLimit of ${maxLimit}: lower it, or raise maxLimit.`)
  return { limit, maxLimit, maxOffset: parseCount(options.maxOffset ?? 10_000, `maxOffset of ${caller}`, 0) }
}
