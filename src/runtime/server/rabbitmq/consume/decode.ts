import type { StandardSchemaV1 } from '@standard-schema/spec'
import { RejectMessage } from './control'

/**
 * Content types that may contain JSON. Many clients send none or a generic one, so the content is parsed in these cases.
 * Other content types, such as an image, are rejected.
 */
const MAY_BE_JSON = /^(?:application\/(?:(?:[\w.-]+\+)?json|octet-stream)|text\/[\w.+-]+)(?:\s*;|$)/i

/**
 * Parses the content of a message as JSON and validates it with the schema.
 *
 * @param contentType content type of the message; undefined when the sender did not set it
 * @returns the output of the schema, or the parsed JSON if there is no schema
 * @throws RejectMessage when the content is not JSON or not valid, because a retry cannot change that
 */
export async function decodeMessage(
  content: Buffer,
  contentType: string | undefined,
  schema: StandardSchemaV1 | undefined,
): Promise<unknown> {
  if (contentType && !MAY_BE_JSON.test(contentType)) throw invalid(`its content type is ${contentType}, but must be JSON`)
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

/** Describes path and problem of an issue, but not the value, which may be personal data. */
function describeIssue({ path = [], message }: StandardSchemaV1.Issue): string {
  const place = path.map(segment => String(typeof segment === 'object' ? segment.key : segment)).join('.')
  return place ? `${place}: ${message}` : message
}

function invalid(reason: string): RejectMessage {
  return new RejectMessage(`The message is invalid: ${reason}.`, { kind: 'invalid' })
}
