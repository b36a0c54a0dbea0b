/** Maximum number and total size of messages in the buffer. */
export interface Limits {
  messages: number
  bytes: number
}

/** Counts the messages in the buffer and compares them with the limits. */
export interface Budget {
  readonly messages: number
  readonly bytes: number
  /** Whether another message of this size fits. */
  fits: (bytes: number) => boolean
  take: (bytes: number) => void
  give: (bytes: number) => void
}

export function createBudget(limits: Limits): Budget {
  let heldMessages = 0
  let heldBytes = 0
  return {
    get messages() {
      return heldMessages
    },
    get bytes() {
      return heldBytes
    },
    fits: bytes => heldMessages < limits.messages && heldBytes + bytes <= limits.bytes,
    take(bytes) {
      heldMessages++
      heldBytes += bytes
    },
    give(bytes) {
      heldMessages--
      heldBytes -= bytes
    },
  }
}
