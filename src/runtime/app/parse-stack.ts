import { redactUrl } from './redact'

/** One frame of a stack: the function, the path of the file without host and query, the line and the column, both from 1. */
export type StackFrame = readonly [name: string, file: string, line: number, column: number]

/** Most frames of a stack that are kept. */
export const MOST_FRAMES = 20
/** Longest name of a function or a file in characters. */
export const LONGEST_NAME = 200

/** A frame as Chromium (`at name (file:1:2)`), or Firefox and Safari (`name@file:1:2`) write it. */
const FRAME = /^\s*(?:at )?(?:(.{0,300}?)(?: \(|@))?((?:[a-z][\w+.-]*:)?\/\S*?):(\d{1,7}):(\d{1,7})\)?$/i

/** Parses the frames of a stack. It ignores all other lines, such as the message of the error. */
export function parseStack(stack: string): StackFrame[] {
  const frames: StackFrame[] = []
  for (const line of stack.slice(0, 16_000).split('\n')) {
    const match = line.length < 1000 && FRAME.exec(line)
    if (!match || frames.length === MOST_FRAMES) continue
    frames.push([(match[1] ?? '').slice(0, LONGEST_NAME), redactUrl(match[2]!).slice(0, LONGEST_NAME), Number(match[3]), Number(match[4])])
  }
  return frames
}
