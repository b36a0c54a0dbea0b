import { show } from '../core/settings'

/** Formats ascending numbers as ranges: `0-1023 1500 2000-2047`. */
export function formatRanges(numbers: readonly number[]): string {
  const ranges: string[] = []
  for (let start = 0; start < numbers.length;) {
    let end = start
    while (numbers[end + 1] === numbers[end]! + 1) end++
    ranges.push(start === end ? `${numbers[start]}` : `${numbers[start]}-${numbers[end]}`)
    start = end + 1
  }
  return ranges.join(' ')
}

/**
 * Parses ranges that are separated by spaces or commas, and returns their numbers in ascending order.
 *
 * @param limit all numbers must be smaller
 * @throws TypeError whose message begins with `path`
 */
export function parseRanges(text: unknown, limit: number, path: string): number[] {
  if (typeof text !== 'string') throw new TypeError(`${path} is ${show(text)}: write slots such as '0-1023 1500', or '' for none.`)
  return text.split(/[\s,]+/).filter(Boolean).flatMap((range) => {
    const [, first, last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(range) ?? []
    const from = Number(first)
    const to = Number(last)
    if (first === undefined || to < from) {
      throw new TypeError(`${path} contains ${show(range)}: write a slot such as 1500, or a range such as 0-1023.`)
    }
    if (to >= limit) throw new TypeError(`${path} contains ${show(range)}: write slots from 0 to ${limit - 1}.`)
    return Array.from({ length: to - from + 1 }, (_, step) => from + step)
  }).sort((a, b) => a - b)
}
