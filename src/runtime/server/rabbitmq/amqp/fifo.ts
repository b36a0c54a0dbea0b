/** A first-in, first-out queue. Items can also be put back in front. */
export interface Fifo<Item> {
  readonly size: number
  /** The next item. */
  readonly first: Item | undefined
  push: (item: Item) => void
  shift: () => Item | undefined
  /** Puts items in front of all others and keeps their order. */
  unshift: (items: readonly Item[]) => void
  /** Removes the items for which `keep` returns `false`. */
  filter: (keep: (item: Item) => boolean) => void
  /** Removes and returns all items. */
  drain: () => Item[]
}

/** Minimum number of empty places in front before the array is copied. `Array.shift` would move all other items at each call. */
const SLACK = 1024

export function createFifo<Item>(): Fifo<Item> {
  let items: (Item | undefined)[] = []
  let head = 0
  const rest = () => items.slice(head) as Item[]
  const replace = (next: Item[]) => {
    items = next
    head = 0
  }
  return {
    get size() {
      return items.length - head
    },
    get first() {
      return items[head]
    },
    push(item) {
      items.push(item)
    },
    shift() {
      if (head === items.length) return undefined
      const item = items[head]
      items[head++] = undefined
      if (head === items.length) items.length = head = 0
      else if (head > SLACK && head * 2 > items.length) replace(rest())
      return item
    },
    unshift(added) {
      if (added.length > 0) replace([...added, ...rest()])
    },
    filter(keep) {
      replace(rest().filter(keep))
    },
    drain() {
      const all = rest()
      replace([])
      return all
    },
  }
}
