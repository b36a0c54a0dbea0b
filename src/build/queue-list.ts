/** Name of the build file that lists the queues for the command line. */
export const QUEUE_LIST = 'nuxt-scale-queues.json'

/** The queue of one consumer, as known to the build. */
export interface ListedQueue {
  /** Path of the file, relative to the folder of the app. */
  source: string
  /** `null` if the name is set at run time. */
  queue: string | null
}
