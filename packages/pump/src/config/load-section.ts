import convict from 'convict'
import { type ConfigReport, shown } from './report.ts'
import { type ConfigOf, type ConfigRow, type ConfigSection, isRow, rowsOf } from './section.ts'
import { type Parsed, parseJson, parseText } from './value-formats.ts'

/** A value from the environment and the name of the variable that gave it. */
export interface EnvValue {
  readonly name: string
  readonly text: string
}

export interface SectionSource {
  /** The section's object in the file, or undefined. */
  readonly file: unknown
  /** Where the section lies, for messages: `` or `pumps.es.meta`. */
  readonly place: string
  /** The environment's value of a row, and the name it has there. */
  readonly env: (row: ConfigRow) => EnvValue | undefined
  readonly envName: (row: ConfigRow) => string | undefined
  /** Replaces references to stored secrets in a text. Throws with what is wrong. */
  readonly resolve: (text: string) => string
}

/** The value of a core row: its variable, or an override of it; the last one that is set. */
export function coreEnv(env: NodeJS.ProcessEnv): (row: ConfigRow) => EnvValue | undefined {
  return (row) => {
    const names = [...(row.env === undefined ? [] : [row.env]), ...(row.envOverrides ?? [])]
    const name = names.findLast((candidate) => env[candidate] !== undefined)
    return name === undefined ? undefined : { name, text: env[name] ?? '' }
  }
}

/** Reads one section: file, then environment, then references, then the checks. Problems go to the report. */
export function loadSection<const S extends ConfigSection>(
  section: S,
  source: SectionSource,
  report: ConfigReport,
): ConfigOf<S> {
  const at = source.place === '' ? '' : `${source.place}.`
  const written = flatten(section, source.file, at, report)
  const config = convict(convictSchema(section))
  for (const { key, row } of rowsOf(section)) {
    const value = readRow(row, at + key, written.get(at + key), source, report)
    // @types/convict asks for a path of its own schema type, which is built at run time here.
    if (value !== undefined) (config as { set(path: string, value: unknown): unknown }).set(key, value)
  }
  return deepFreeze(config.getProperties()) as ConfigOf<S>
}

function readRow(row: ConfigRow, key: string, written: unknown, source: SectionSource, report: ConfigReport): unknown {
  const env = source.env(row)
  const fromFile = written === undefined ? undefined : parseJson(row.format, written)
  const fromEnv = env === undefined ? undefined : parseText(row.format, env.text)
  const parsed = merge(row, fromFile, fromEnv)
  if (parsed === undefined) return undefined
  const problem = (message: string): undefined => {
    report.problems.push({ key, env: env?.name ?? source.envName(row), message })
  }
  const got = shown(env?.text ?? written, row.sensitive === true)
  if (!parsed.ok) return problem(`expected ${parsed.expected}, got ${got}`)
  if (row.refused !== undefined && !isDefault(row, parsed.value)) return problem(`${row.refused}, got ${got}`)
  const [least, most] = row.range ?? [-Infinity, Infinity]
  if (row.defaultWhen === 'zero' && parsed.value === 0) return undefined
  if (typeof parsed.value === 'number' && (parsed.value < least || parsed.value > most)) {
    return problem(`expected ${rangeText(least, most)}, got ${got}`)
  }
  report.setKeys.add(key)
  if (row.pending === true && !isDefault(row, parsed.value)) report.pendingKeys.push(key)
  try {
    return mapTexts(parsed.value, source.resolve)
  } catch (error) {
    return problem((error as Error).message)
  }
}

function merge(row: ConfigRow, file: Parsed | undefined, env: Parsed | undefined): Parsed | undefined {
  if (env === undefined || file === undefined) return env ?? file
  if (row.format !== 'json-merged' || !env.ok || !file.ok) return env
  return { ok: true, value: { ...(file.value as object), ...(env.value as object) } }
}

function rangeText(least: number, most: number): string {
  return most === Infinity ? `an integer of at least ${least}` : `an integer from ${least} to ${most}`
}

function isDefault(row: ConfigRow, value: unknown): boolean {
  return JSON.stringify(value) === JSON.stringify(row.default)
}

/** The file's values by their declared key. Keys match in any letter case, as in Go; null counts as absent. */
function flatten(section: ConfigSection, file: unknown, at: string, report: ConfigReport): Map<string, unknown> {
  const found = new Map<string, unknown>()
  if (file === undefined || file === null) return found
  if (typeof file !== 'object' || Array.isArray(file)) {
    report.problems.push({
      key: at.slice(0, -1) || 'the file',
      message: `expected an object, got ${shown(file, false)}`,
    })
    return found
  }
  const declared = new Map(Object.keys(section).map((name) => [name.toLowerCase(), name]))
  for (const [written, value] of Object.entries(file)) {
    const name = declared.get(written.toLowerCase())
    const node = name === undefined ? undefined : section[name]
    if (node === undefined) report.unknownKeys.push(at + written)
    else if (isRow(node)) {
      if (value !== null) found.set(at + name, value)
    } else for (const [key, inner] of flatten(node, value, `${at}${name}.`, report)) found.set(key, inner)
  }
  return found
}

/**
 * Convict's view of a section: it keeps the tree of defaults and values. The environment is read here, because convict
 * knows neither prefixes nor overrides, and so are the formats, because its own check stumbles over a dot in a map's key.
 */
function convictSchema(section: ConfigSection): object {
  return Object.fromEntries(
    Object.entries(section).map(([name, node]) => [
      name,
      isRow(node) ? { doc: node.doc, default: node.default, format: '*' } : convictSchema(node),
    ]),
  )
}

function mapTexts(value: unknown, resolve: (text: string) => string): unknown {
  if (typeof value === 'string') return resolve(value)
  if (Array.isArray(value)) return value.map((item: unknown) => mapTexts(item, resolve))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, resolve)]))
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const item of Object.values(value)) deepFreeze(item)
  return Object.freeze(value)
}
