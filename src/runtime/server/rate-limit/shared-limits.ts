import type { Bucket, Verdict } from './gcra'

/** Where buckets are kept that all instances share. */
export interface SharedLimits {
  /** @param key of the bucket, of a bounded length */
  take: (key: string, bucket: Bucket, cost: number) => Promise<Verdict>
}
