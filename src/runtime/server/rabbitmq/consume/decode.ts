import type { StandardSchemaV1 } from '@standard-schema/spec'
import { RejectMessage } from './control'

/**
 * The message in the content, as the schema makes it.
 *
 * @throws RejectMessage when it is no JSON, or the schema refuses it: trying again would change nothing
 */
export async function decodeMessage(content: Buffer, contentType: string | undefined, schema: StandardSchemaV1 | undefined): Promise<unknown> {
  if (contentType && !/^application\/(?:[\w.-]+\+)?json\b/i.test(contentType)) throw invalid(`its content type is ${contentType}, and only JSON is read`)
  let message: unknown
  try {
    message = JSON.parse(content.toString('utf8'))
  }
  catch {
    throw invalid('its content is no JSON')
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
