import { refuseOtherThanObject, refuseUnknownKeys } from './settings'

/**
 * Options with every default filled in. Groups of options, such as `scale.database.pool`, are complete too. Lists and objects with free
 * keys, such as `scale.tenancy.map`, stay as they are.
 */
export type Complete<Options> = { [Name in keyof Options]-?: CompleteValue<Exclude<Options[Name], undefined>> }

type CompleteValue<Value> = Value extends readonly unknown[]
  ? Value
  : Value extends object ? string extends keyof Value ? Value : Complete<Value> : Value

/** The options of one feature: their defaults, and how they become settings. */
export interface FeatureSettings<Options extends object, Settings, Details extends unknown[] = []> {
  defaults: Complete<Options>
  /**
   * Fills in the defaults. The build does this once; `runtimeConfig.scale` then contains every option.
   *
   * @throws Error naming an unknown option
   */
  complete(given?: Options): Complete<Options>
  /**
   * Validates complete options, such as those of `runtimeConfig.scale`.
   *
   * @throws Error naming the option that is wrong
   */
  resolve(options: Complete<Options>, ...details: Details): Settings
  /**
   * Fills in the defaults, then validates: for options that may be incomplete, such as those of nuxt.config.
   *
   * @throws Error naming the option that is wrong
   */
  resolveGiven(given: Options | undefined, ...details: Details): Settings
}

/** Input of {@link defineSettings}. */
interface SettingsDefinition<Options extends object, Settings, Details extends unknown[]> {
  /** Path of the options, such as `scale.http`, for errors. */
  path: string
  /** Every option with its default. An object with keys is a group, whose options have their own defaults. */
  defaults: NoInfer<Complete<Options>>
  /** Defaults of the groups that are `false` by default. */
  offGroups?: { [Name in keyof NoInfer<Options>]?: object }
  /** Validates complete options. Unknown options are already refused. */
  resolve: (options: Complete<Options>, ...details: Details) => Settings
}

/** Defines the options of a feature. */
export function defineSettings<Options extends object, Settings, Details extends unknown[]>(
  { path, defaults, offGroups = {}, resolve }: SettingsDefinition<Options, Settings, Details>,
): FeatureSettings<Options, Settings, Details> {
  const shape = { ...defaults, ...offGroups }
  const settings: FeatureSettings<Options, Settings, Details> = {
    defaults,
    complete(given) {
      const options = given === undefined ? {} : given
      refuseWrongShape(options, shape, path)
      return mergeDefaults(options, defaults, shape)
    },
    resolve(options, ...details) {
      refuseWrongShape(options, shape, path)
      return resolve(options, ...details)
    },
    resolveGiven: (given, ...details) => resolve(settings.complete(given), ...details),
  }
  return settings
}

/** A value of another type passes where a group is expected, because the feature refuses it with its own sentence. */
function refuseWrongShape(options: object, shape: object, path: string): void {
  refuseOtherThanObject(options, path)
  refuseUnknownKeys(options, Object.keys(shape), path)
  const values = new Map<string, unknown>(Object.entries(options))
  for (const [name, group] of groupsOf(shape)) {
    const value = values.get(name)
    if (isObject(value)) refuseUnknownKeys(value, Object.keys(group), `${path}.${name}`)
  }
}

/** An option that is `undefined` gets its default. A list replaces the default list. */
function mergeDefaults<Defaults extends object>(given: object, defaults: Defaults, shape: object): Defaults {
  const groups = groupsOf(shape)
  const values = withoutUndefined(given).map(([name, value]): [string, unknown] => {
    const group = groups.get(name)
    return [name, group && isObject(value) ? { ...structuredClone(group), ...Object.fromEntries(withoutUndefined(value)) } : value]
  })
  return { ...structuredClone(defaults), ...Object.fromEntries(values) }
}

/** The options that are groups: those whose default is an object with keys. */
function groupsOf(shape: object): Map<string, object> {
  return new Map(Object.entries(shape).filter(([, value]) => isObject(value) && Object.keys(value).length > 0))
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function withoutUndefined(options: object): [string, unknown][] {
  return Object.entries(options).filter(([, value]) => value !== undefined)
}
