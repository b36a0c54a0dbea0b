import type { Bucket } from './gcra'

/** The store of the buckets that all instances share. */
export interface SharedLimits {
  /**
   * Decides about one request. The result is a plain number and not an object, because this runs for every request.
   *
   * @param key key of the bucket, with a limited length
   * @param debt microseconds, a multiple of 1000, to add first: requests that passed while the store was unreachable. @default 0
   * @returns microseconds until the bucket is empty. If the request is denied: -1 minus that number, because zero has no sign
   */
  take: (key: string, bucket: Bucket, cost: number, debt?: number) => Promise<number>
}
