/**
 * Type of the row that a generated Prisma client returns for `select`, `include` and `omit`.
 * TypeScript cannot infer the result of a generic method for given arguments,
 * and the package with Prisma's own type is not always installed.
 */
export type Selected<Payload, Args> = Args extends { select: infer Select extends object }
  ? { -readonly [Key in keyof Select as IsOff<Select[Key]> extends true ? never : Key]: Field<Payload, Key, Select[Key]> }
  : Flat<Remaining<Payload, Args> & Included<Payload, Args>>

type IsOff<Flag> = Flag extends false | null | undefined ? true : false

type Flat<T> = { [Key in keyof T]: T[Key] }

/** The columns and composites of a row. */
type Plain<Payload> = Payload extends { scalars: infer Scalars, composites: infer Composites }
  ? Scalars & { [Key in keyof Composites]: Related<Composites[Key], true> }
  : never

type Remaining<Payload, Args> = Args extends { omit: infer Omitted extends object }
  ? { [Key in keyof Plain<Payload> as Key extends keyof Omitted ? Omitted[Key] extends true ? never : Key : Key]: Plain<Payload>[Key] }
  : Plain<Payload>

type Included<Payload, Args> = Args extends { include: infer Include extends object }
  ? { -readonly [Key in keyof Include as IsOff<Include[Key]> extends true ? never : Key]: Field<Payload, Key, Include[Key]> }
  : unknown

type Field<Payload, Key, Flag> = Payload extends { scalars: infer Scalars, objects: infer Objects, composites: infer Composites }
  ? Key extends '_count' ? Counts<Objects, Flag>
    : Key extends keyof Scalars ? Scalars[Key]
      : Key extends keyof Objects ? Related<Objects[Key], Flag>
        : Key extends keyof Composites ? Related<Composites[Key], Flag>
          : never
  : never

/** A relation: a list, a nullable record, or a record. */
type Related<Payload, Args> = Payload extends (infer One)[] ? Selected<One, Args>[]
  : Payload extends null ? null
    : Selected<Payload, Args>

type Counts<Objects, Flag> = Flag extends { select: infer Select extends object }
  ? { -readonly [Key in keyof Select as IsOff<Select[Key]> extends true ? never : Key]: number }
  : { [Key in keyof Objects as NonNullable<Objects[Key]> extends unknown[] ? Key : never]: number }
