/**
 * One option: its documentation, value format, default and environment variable. The table of such rows is the convict
 * schema, the type of the loaded configuration, a page in docs/reference and the rows of the environment test.
 */
export interface ConfigRow {
  readonly doc: string
  readonly format: ValueFormat
  readonly default: string | number | boolean
  /** The full environment variable. It beats the file. */
  readonly env: string
  /** The inclusive bounds of a number. */
  readonly range?: readonly [number, number]
  /** Keeps the value out of messages, dumps and documentation. */
  readonly sensitive?: true
}

export type ValueFormat =
  'string' | 'go-bool' | 'go-int' | 'http-url' | 'http-url-with-user' | 'redis-url' | readonly string[]

export type ConfigSection = { readonly [key: string]: ConfigRow | ConfigSection }

interface ValueOf {
  string: string
  'go-bool': boolean
  'go-int': number
  /** Without a slash at the end; empty: not set. */
  'http-url': string
  /** The same, and may hold credentials. */
  'http-url-with-user': string
  'redis-url': string
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

export interface PlacedRow {
  /** Place in the file, e.g. `elasticsearch.url`. */
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
