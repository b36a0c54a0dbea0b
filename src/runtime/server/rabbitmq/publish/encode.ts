/**
 * The content of a message.
 *
 * @throws TypeError one sentence, for what JSON cannot hold
 */
export function encodeMessage(message: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(message)
  }
  catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0]!.replace(/\.$/, '') : String(error)
    throw new TypeError(`The message cannot be written as JSON (${reason}): publish plain objects, arrays, texts, numbers, booleans, null and dates.`, { cause: error })
  }
  if (text === undefined) throw new TypeError(`The message is ${typeof message === 'undefined' ? 'undefined' : `a ${typeof message}`}, which JSON cannot hold: publish an object, or null.`)
  return text
}
