let find: (() => string) | undefined

/** The scope of the current call, which keeps what rooms store apart: the tenant's id, or '' for none. */
export function currentScope(): string {
  return find === undefined ? '' : find()
}

/** Lets a room say what the scope of the current call is. Without one there is a single scope. */
export function provideScope(finder: (() => string) | undefined): void {
  find = finder
}
