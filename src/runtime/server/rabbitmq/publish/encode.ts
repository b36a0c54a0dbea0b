/**
 * Encodes the content of a message as JSON.
 *
 * @throws TypeError when the message cannot be written as JSON
 */
export function encodeMessage(message: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(message)
  }
  catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0]!.replace(/\.$/, '') : String(error)
    const advice = 'publish plain objects, arrays, strings, numbers, booleans, null and dates.'
    throw new TypeError(`The message of publish() cannot be written as JSON (${reason}): ${advice}`, { cause: error })
  }
  if (text === undefined) {
    const kind = message === undefined ? 'undefined' : `a ${typeof message}`
    throw new TypeError(`The message of publish() is ${kind}, which JSON cannot represent: publish an object, or null.`)
  }
  return text
}
