/** How much of something may be held. */
export interface Limits {
  messages: number
  bytes: number
}

/** Counts what is held against its limits. */
export interface Budget {
  readonly messages: number
  readonly bytes: number
  /** True when one more message of this size can be held now. */
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
