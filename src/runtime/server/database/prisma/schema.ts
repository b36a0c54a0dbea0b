/**
 * Checks the name of a schema, because Prisma puts it between quotes without escaping it.
 * @throws TypeError for an empty name, or a name with quotes, backslashes or control characters
 */
export function checkSchema(schema: string | undefined): string | undefined {
  // eslint-disable-next-line no-control-regex -- the expression has to find control characters
  if (schema !== undefined && (schema === '' || /["\\\u0000-\u001F]/.test(schema))) {
    throw new TypeError(`The schema ${JSON.stringify(schema)} cannot be used:`
      + ' write a name that is not empty, without quotes, backslashes and control characters.')
  }
  return schema
}
