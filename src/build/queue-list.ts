/** The file of the build that tells the command line which queues there are. */
export const QUEUE_LIST = 'nuxt-scale-queues.json'

/** The queue of one consumer, as far as its file says it. */
export interface ListedQueue {
  /** The file, from the folder of the app. */
  source: string
  /** `null` when its name is made at run time. */
  queue: string | null
}
