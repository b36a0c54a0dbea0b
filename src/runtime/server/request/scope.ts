let find: (() => string) | undefined

/** Returns the scope of the current call: the id of the tenant, or '' for none. Features store the data of each scope separately. */
export function currentScope(): string {
  return find === undefined ? '' : find()
}

/** Sets the function that finds the scope of the current call. Without it, there is only the scope ''. */
export function provideScope(finder: (() => string) | undefined): void {
  find = finder
}

type ScopeRunner = (scope: string, task: () => unknown) => unknown

let runner: ScopeRunner | undefined

/** Runs a task in the scope of another call, such as a consumer in the scope of the publisher. Without scopes, it just runs the task. */
export function runInScope(scope: string, task: () => unknown): unknown {
  return runner === undefined || scope === '' ? task() : runner(scope, task)
}

/** Sets the function that runs a task in a scope. */
export function provideScopeRunner(enter: ScopeRunner | undefined): void {
  runner = enter
}
