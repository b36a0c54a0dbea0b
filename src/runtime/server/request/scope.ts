let find: (() => string) | undefined

/** The scope of the current call, which keeps what features store apart: the tenant's id, or '' for none. */
export function currentScope(): string {
  return find === undefined ? '' : find()
}

/** Lets a feature say what the scope of the current call is. Without one there is a single scope. */
export function provideScope(finder: (() => string) | undefined): void {
  find = finder
}

type ScopeRunner = (scope: string, task: () => unknown) => unknown

let runner: ScopeRunner | undefined

/** Runs a task in the scope of another call, as a consumer does for whoever published its message. Where nothing keeps scopes, it just runs. */
export function runInScope(scope: string, task: () => unknown): unknown {
  return runner === undefined || scope === '' ? task() : runner(scope, task)
}

/** Lets a feature say how to enter a scope. */
export function provideScopeRunner(enter: ScopeRunner | undefined): void {
  runner = enter
}
