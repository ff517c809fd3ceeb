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
  /** The value when there is no configuration file at all, where it differs. */
  readonly generated?: unknown
  /** Written values that Tyk replaces at run time; here they become `default`. */
  readonly defaultWhen?: 'zero' | 'not-positive' | { readonly below: number }
  /** The inclusive bounds of an integer; without it, those of a Go `int`. */
  readonly range?: readonly [number, number]
  /** Keeps the value out of messages, dumps and documentation. */
  readonly sensitive?: true
  /** The value may be a reference such as `env://name`, resolved once at start. */
  readonly reference?: true
  /** Not part of the configuration file. */
  readonly envOnly?: true
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
  | 'certificate-list'
  | 'message-map'
  | 'json'
  | 'json-merged'
  | readonly string[]

/** A server certificate and its key, for one name. */
export interface CertificatePair {
  readonly domain_name: string
  readonly cert_file: string
  readonly key_file: string
}

/** Replaces the text, the status or both of one error answer; empty and 0 leave what is there. */
export interface MessageOverride {
  readonly message: string
  readonly code: number
}

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
  'certificate-list': readonly CertificatePair[]
  'message-map': Readonly<Record<string, MessageOverride>>
  /** A list or an object, whichever the default is. */
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

/** The environment names of a section, in the section's own shape. */
export type EnvNames<S extends ConfigSection> = {
  readonly [K in keyof S]: S[K] extends ConfigRow ? string : S[K] extends ConfigSection ? EnvNames<S[K]> : never
}

/** A row with its place in the file, e.g. `storage.host`. */
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

/** Gives rows that stand at several places their environment names, which are written out at each place. */
export function withEnv<const S extends ConfigSection>(section: S, names: EnvNames<S>): S {
  const named = Object.entries(section).map(([key, node]) => {
    const env = (names as Record<string, unknown>)[key]
    return [key, isRow(node) ? { ...node, env } : withEnv(node, env as EnvNames<ConfigSection>)]
  })
  return Object.fromEntries(named) as S
}

/** Marks every row below a section as accepted and not in force. */
export function allPending<const S extends ConfigSection>(section: S): S {
  const marked = Object.entries(section).map(([key, node]) => [
    key,
    isRow(node) ? { ...node, pending: true } : allPending(node),
  ])
  return Object.fromEntries(marked) as S
}
