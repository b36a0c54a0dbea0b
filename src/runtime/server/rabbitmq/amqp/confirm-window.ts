/** What was sent on one confirm channel and is not confirmed yet. The broker counts what it gets from 1, and so does this. */
export interface ConfirmWindow<Item> {
  readonly size: number
  /** The next thing that was sent. */
  add: (item: Item) => void
  /** Hands out what a confirm is about: one, or with `multiple` everything up to it. What was confirmed before is left out. */
  confirm: (tag: number, multiple: boolean, handle: (item: Item) => void) => void
  /** All of them, in the order of sending. */
  items: () => Iterable<Item>
  /** Takes all items out, in the order of sending, and counts from 1 again. */
  drain: () => Item[]
}

export function createConfirmWindow<Item>(): ConfirmWindow<Item> {
  /** By tag. A Map keeps the order of sending, which is the order of the tags. */
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
