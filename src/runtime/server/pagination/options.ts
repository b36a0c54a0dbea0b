import { parseCount } from '../core/settings'

/** The limits of a list. */
export interface PaginationOptions {
  /**
   * Number of rows of a page if the request has no `limit`.
   * @default 20, or `maxLimit` if that is smaller
   */
  limit?: number
  /**
   * Largest `limit` that a request may have.
   * @default 100
   */
  maxLimit?: number
  /**
   * Largest number of rows that a page number may skip. The database has to read and discard each of them.
   * @default 10_000
   */
  maxOffset?: number
}

/** Validated limits of a list. */
export type PageBounds = Required<PaginationOptions>

/** Validates the limits of a list. @throws Error naming the option that is wrong */
export function resolveBounds(options: PaginationOptions, caller: string): PageBounds {
  const maxLimit = parseCount(options.maxLimit ?? 100, `maxLimit of ${caller}`)
  const limit = parseCount(options.limit ?? Math.min(20, maxLimit), `limit of ${caller}`)
  if (limit > maxLimit) {
    throw new TypeError(`limit of ${caller} is ${limit}, which is above maxLimit (${maxLimit}): lower limit, or raise maxLimit.`)
  }
  return { limit, maxLimit, maxOffset: parseCount(options.maxOffset ?? 10_000, `maxOffset of ${caller}`, 0) }
}
