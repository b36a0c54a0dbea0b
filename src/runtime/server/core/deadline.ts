/** The longest time in ms that a timer of Node, and the TTL of a queue of RabbitMQ, can wait: 24 days. A timer that is asked for more fires at once. */
export const LONGEST_TIMER = 2 ** 31 - 1

/**
 * The result of `work`, or the error of its deadline. What `work` does after that is dropped, also when it fails.
 *
 * @param milliseconds how long `work` may take
 * @param expired called at the deadline; makes the error
 * @throws what `work` throws, or the error of `expired`
 */
export async function withDeadline<T>(work: T | Promise<T>, milliseconds: number, expired: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(expired()), Math.min(milliseconds, LONGEST_TIMER))
      }),
    ])
  }
  finally {
    clearTimeout(timer)
  }
}
