/**
 * Runs one measure in a process of its own, so that no measure meets the heap or the compiled code of another.
 * Arguments: name, and rounds or 0 for the measure's own number.
 */
import { importMeasure } from './measures.ts'
import type { Outcome } from './types.ts'

/** What this process tells the bench. */
export type MeasureMessage = { progress: string } | { title: string, rounds: number, outcome: Outcome }

const [name = '', rounds = '0'] = process.argv.slice(2)
const closers: (() => unknown)[] = []
const send = (message: MeasureMessage) => new Promise<void>(resolve => process.send ? process.send(message, () => resolve()) : resolve())

// Without its parent nobody reads the outcome.
process.on('disconnect', () => process.exit(1))

try {
  const measure = await importMeasure(name)
  const context = {
    rounds: Number(rounds) || measure.rounds,
    progress: (progress: string) => void send({ progress }),
    defer: (close: () => unknown) => void closers.unshift(close),
  }
  const outcome = await measure.run(context)
  await send({ title: measure.title, rounds: context.rounds, outcome })
}
catch (error) {
  console.error(error)
  process.exitCode = 1
}
finally {
  for (const close of closers) {
    await Promise.resolve(close()).catch(() => {})
  }
  process.exit()
}
