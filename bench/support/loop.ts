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
