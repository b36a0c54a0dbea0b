/**
 * Refuses a schema name that Prisma would put between quotes as it is.
 * @throws Error naming what may not be in it
 */
export function checkSchema(schema: string | undefined): string | undefined {
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  if (schema !== undefined && (schema === '' || /["\\\u0000-\u001F]/.test(schema))) {
    throw new TypeError(`The schema ${JSON.stringify(schema)} cannot be used: write a name without quotes, backslashes and control characters.`)
  }
  return schema
}
