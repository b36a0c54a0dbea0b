/**
 * Nanoseconds a call of `operation`, one after the other, each awaited.
 * Import this file with a query of its own for each contender: then the engine compiles each loop for its one operation,
 * as it would in an app, and no contender pays for the calls of the others.
 */
export async function nanosecondsPerCall(operation: () => Promise<unknown>, calls: number): Promise<number> {
  const start = process.hrtime.bigint()
  for (let call = 0; call < calls; call++) await operation()
  return Number(process.hrtime.bigint() - start) / calls
}

/** Nanoseconds a call of `operation`, once for each item, one after the other. Import this file as for `nanosecondsPerCall`. */
export function nanosecondsPerItem<Item>(operation: (item: Item) => string, items: readonly Item[]): number {
  let characters = 0
  const start = process.hrtime.bigint()
  for (const item of items) characters += operation(item).length
  const nanoseconds = Number(process.hrtime.bigint() - start)
  // What nobody uses, a compiler may leave out.
  if (characters === 0) throw new Error('The operation found nothing.')
  return nanoseconds / items.length
}
