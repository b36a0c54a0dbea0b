import type { Bucket } from './gcra'

/** Where buckets are kept that all instances share. */
export interface SharedLimits {
  /**
   * Judges one request. A plain number, since this is asked for every request.
   *
   * @param key of the bucket, of a bounded length
   * @param debt microseconds to add to the bucket first, in whole milliseconds: what was let through while it could not be asked. @default 0
   * @returns microseconds until the bucket is empty; below zero when the request is denied, and then one more, since zero has no sign
   */
  take: (key: string, bucket: Bucket, cost: number, debt?: number) => Promise<number>
}
