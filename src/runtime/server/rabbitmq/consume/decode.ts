import type { StandardSchemaV1 } from '@standard-schema/spec'
import { RejectMessage } from './control'

/**
 * Content types that can be JSON. Many clients name none, or a general one, so the content decides for those;
 * what names another kind of data, such as an image, is not read.
 */
const MAY_BE_JSON = /^(?:application\/(?:(?:[\w.-]+\+)?json|octet-stream)|text\/[\w.+-]+)(?:\s*;|$)/i

/**
 * Parses the content of a message and lets the schema check it.
 *
 * @param contentType as the sender named it; undefined when it named none
 * @returns the message as the schema makes it
 * @throws RejectMessage when the content is not JSON, or the schema refuses it: another attempt would not change that
 */
export async function decodeMessage(content: Buffer, contentType: string | undefined, schema: StandardSchemaV1 | undefined): Promise<unknown> {
  if (contentType && !MAY_BE_JSON.test(contentType)) throw invalid(`its content type is ${contentType}, and only JSON is read`)
  let message: unknown
  try {
    message = JSON.parse(content.toString('utf8'))
  }
  catch {
    throw invalid('its content is not JSON')
  }
  if (!schema) return message
  const result = await schema['~standard'].validate(message)
  if (result.issues) throw invalid(result.issues.slice(0, 3).map(describeIssue).join('; '))
  return result.value
}

/** Where and what, but not the value, which is somebody's data. */
function describeIssue({ path = [], message }: StandardSchemaV1.Issue): string {
  const place = path.map(segment => String(typeof segment === 'object' ? segment.key : segment)).join('.')
  return place ? `${place}: ${message}` : message
}

function invalid(reason: string): RejectMessage {
  return new RejectMessage(`The message is invalid: ${reason}.`, { kind: 'invalid' })
}
