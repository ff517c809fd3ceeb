/**
 * One option: its documentation, value format, default and environment variable. A section of such rows is the convict
 * schema, the type of the loaded section, a table in docs/reference and the rows of the environment test.
 */
export interface ConfigRow {
  readonly doc: string
  readonly format: ValueFormat
  /** The value when the file lacks the key. */
  readonly default: unknown
  /** The full environment variable, or a sink's suffix. Absent: not settable by environment. */
  readonly env?: string
  /** Other full names of the variable. They win over `env`, and the last one set wins over those before it. */
  readonly envOverrides?: readonly string[]
  /** The value when there is no configuration file at all, where it differs. */
  readonly generated?: unknown
  /** A written 0 that Tyk replaces at run time; here it becomes `default`. */
  readonly defaultWhen?: 'zero'
  /** The inclusive bounds of an integer. */
  readonly range?: readonly [number, number]
  /** Keeps the value out of messages, dumps and documentation. */
  readonly sensitive?: true
  /** Accepted but without effect in this version; listed once at start. */
  readonly pending?: true
  /** Why any value but the default stops the start: going on without it would be unsafe or misleading. */
  readonly refused?: string
}

export type ValueFormat =
  | 'string'
  | 'go-bool'
  | 'go-int'
  | 'go-float'
  | 'go-duration'
  | 'string-list'
  | 'int-list'
  | 'string-map'
  | 'host-map'
  | 'json'
  | 'json-merged'
  | readonly string[]

export type ConfigSection = { readonly [key: string]: ConfigRow | ConfigSection }

interface ValueOf {
  string: string
  'go-bool': boolean
  'go-int': number
  'go-float': number
  /** Milliseconds. */
  'go-duration': number
  'string-list': readonly string[]
  'int-list': readonly number[]
  'string-map': Readonly<Record<string, string>>
  /** Host to port. */
  'host-map': Readonly<Record<string, string>>
  json: unknown
  /** As `json`, but the environment's members are laid over the file's. */
  'json-merged': unknown
}

type RowValue<R extends ConfigRow> = R['format'] extends readonly (infer L)[]
  ? L
  : R['format'] extends keyof ValueOf
    ? ValueOf[R['format']]
    : never

/** The frozen object that code receives for a section. */
export type ConfigOf<S extends ConfigSection> = {
  readonly [K in keyof S]: S[K] extends ConfigRow ? RowValue<S[K]> : S[K] extends ConfigSection ? ConfigOf<S[K]> : never
}

/** A row with its place in the file, e.g. `analytics_storage_config.host`. */
export interface PlacedRow {
  readonly key: string
  readonly row: ConfigRow
}

export function isRow(node: ConfigRow | ConfigSection): node is ConfigRow {
  return typeof node.format === 'string' || Array.isArray(node.format)
}

/** Every row below a section, in the order of declaration. */
export function rowsOf(section: ConfigSection, prefix = ''): PlacedRow[] {
  return Object.entries(section).flatMap(([name, node]) => {
    const key = prefix + name
    return isRow(node) ? [{ key, row: node }] : rowsOf(node, `${key}.`)
  })
}
