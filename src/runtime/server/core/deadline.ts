/**
 * The longest time of a timer of Node, and of the TTL of a queue of RabbitMQ, in milliseconds: 24 days.
 * Node fires a timer with a longer time at once.
 */
export const LONGEST_TIMER = 2 ** 31 - 1

/**
 * Returns the result of `work`, or rejects at the deadline. After the deadline, the result and errors of `work` are ignored.
 *
 * @param milliseconds longest time of `work`
 * @param expired creates the error at the deadline
 * @throws the error of `work`, or the error of `expired`
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
