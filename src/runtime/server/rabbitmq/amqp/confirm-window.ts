/**
 * Messages that were sent on one confirm channel and are not confirmed yet. The broker numbers the messages of a channel from 1, so
 * the window assigns the same numbers.
 */
export interface ConfirmWindow<Item> {
  readonly size: number
  /** Adds an item with the next number. */
  add: (item: Item) => void
  /** Removes the item with the number `tag`, or with `multiple` all items up to it, and passes each of them to `handle`. */
  confirm: (tag: number, multiple: boolean, handle: (item: Item) => void) => void
  /** All items, in the order of sending. */
  items: () => Iterable<Item>
  /** Removes and returns all items, in the order of sending, and starts again with the number 1. */
  drain: () => Item[]
}

export function createConfirmWindow<Item>(): ConfirmWindow<Item> {
  /** Items by tag. A Map keeps the order of insertion, which is the order of the tags. */
  const items = new Map<number, Item>()
  let last = 0
  return {
    get size() {
      return items.size
    },
    add(item) {
      items.set(++last, item)
    },
    confirm(tag, multiple, handle) {
      if (!multiple) {
        const item = items.get(tag)
        if (items.delete(tag)) handle(item as Item)
        return
      }
      for (const [each, item] of items) {
        if (each > tag) return
        items.delete(each)
        handle(item)
      }
    },
    items: () => items.values(),
    drain() {
      const all = [...items.values()]
      items.clear()
      last = 0
      return all
    },
  }
}
