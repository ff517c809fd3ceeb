import convict from 'convict'
import { fromText, isOneOf } from './formats.ts'
import { type ConfigRow, type ConfigSection, isRow, type PlacedRow, rowsOf, type ValueFormat } from './section.ts'

type NamedFormat = Exclude<ValueFormat, readonly string[]>

/**
 * Convict walks into plain objects and splits every name at its dots, so a map with the key `redis.example.com` breaks
 * it. Values that are maps, or may hold some, travel through it inside a list of one.
 */
const boxedFormats: ReadonlySet<ValueFormat> = new Set(['string-map', 'message-map', 'json', 'json-merged'])

const javascriptTypes: Readonly<Record<NamedFormat, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  'go-bool': (value) => typeof value === 'boolean',
  'go-int': Number.isInteger,
  'go-float': Number.isFinite,
  'go-duration': Number.isFinite,
  'string-list': Array.isArray,
  'int-list': Array.isArray,
  'string-map': Array.isArray,
  'certificate-list': Array.isArray,
  'message-map': Array.isArray,
  json: Array.isArray,
  'json-merged': Array.isArray,
}

for (const [name, accepts] of Object.entries(javascriptTypes)) {
  convict.addFormat({
    name,
    validate: (value: unknown) => {
      if (!accepts(value)) throw new Error(`must be a ${name}`)
    },
    // Text reaches convict from the environment alone, and only after the loader has found it good.
    coerce: (text: string, config?: convict.Config<unknown>, key?: string) =>
      coerce(name as NamedFormat, text, config, key),
  })
}

function coerce(format: NamedFormat, text: string, config?: convict.Config<unknown>, key?: string): unknown {
  if (format === 'string') return text
  const isList = text.trimStart().startsWith('[')
  const value = fromText({ doc: '', format, default: isList ? [] : {} }, text)
  if (!boxedFormats.has(format)) return value
  if (format !== 'json-merged' || config === undefined || key === undefined) return [value]
  const [present] = config.get(key as never) as unknown as [object]
  return [{ ...present, ...(value as object) }]
}

/**
 * Lays the environment over the values of the file, and these over the defaults.
 *
 * @param values Typed values by key path.
 * @param env Only variables whose text is of the row's format.
 */
export function bindValues(
  schema: ConfigSection,
  values: ReadonlyMap<string, unknown>,
  env: NodeJS.ProcessEnv,
): Map<string, unknown> {
  const rows = rowsOf(schema)
  const file: Record<string, unknown> = {}
  for (const { key, row } of rows) if (values.has(key)) setPath(file, key, box(row, values.get(key)))
  const config = convict(convictSchema(schema) as convict.Schema<Record<string, unknown>>, { env, args: [] })
  config.load(file)
  config.validate({ allowed: 'strict' })
  const properties = config.getProperties()
  return new Map(rows.map((placed) => [placed.key, unbox(placed.row, getPath(properties, placed))]))
}

function convictSchema(section: ConfigSection): object {
  const entries = Object.entries(section).map(([name, node]) => {
    if (!isRow(node)) return [name, convictSchema(node)]
    const env = node.env === undefined ? {} : { env: node.env }
    const format = isOneOf(node.format) ? [...node.format] : node.format
    return [name, { doc: node.doc, format, default: box(node, node.default), ...env }]
  })
  return Object.fromEntries(entries) as object
}

function box(row: ConfigRow, value: unknown): unknown {
  return boxedFormats.has(row.format) ? [value] : value
}

function unbox(row: ConfigRow, value: unknown): unknown {
  return boxedFormats.has(row.format) ? (value as [unknown])[0] : value
}

function getPath(root: unknown, { key }: PlacedRow): unknown {
  return key.split('.').reduce((node, name) => (node as Record<string, unknown>)[name], root)
}

/** Sets a value below a plain object and makes the sections on the way. */
export function setPath(root: Record<string, unknown>, key: string, value: unknown): void {
  const path = key.split('.')
  const last = path.pop() as string
  let node = root
  for (const name of path) node = (node[name] ??= {}) as Record<string, unknown>
  node[last] = value
}
