/** Which sinks there are: the entries of `pumps` and the variables `TYK_PMP_PUMPS_<NAME>_...`, put together. */
import type { Notice } from './read-file.ts'
import type { ConfigReport } from './report.ts'

const PREFIX = 'TYK_PMP_PUMPS_'

export interface SinkEntry {
  /** Upper case, as Tyk logs it. */
  readonly name: string
  /** The entry of the file, without `meta`. */
  readonly file: Readonly<Record<string, unknown>>
  readonly meta: Readonly<Record<string, unknown>>
  /** Prefix of the variables of its own options, e.g. `TYK_PMP_PUMPS_ES`. */
  readonly envPrefix: string
  /** Prefix of the variables of its meta; null: that of its type. */
  readonly metaPrefix: string | null
  readonly type: string
}

/** Finds every sink. What cannot be one is told in the notices or the report. */
export function collectSinks(
  pumps: unknown,
  env: NodeJS.ProcessEnv,
  isType: (type: string) => boolean,
  report: ConfigReport,
  notices: Notice[],
): SinkEntry[] {
  const fromFile = entriesOfFile(pumps, report)
  const fromEnv = namesInEnvironment(env)
  const entries: SinkEntry[] = []
  // A name set by environment that is itself a type wins over any other word for the type.
  for (const name of new Set([...fromFile.keys(), ...fromEnv])) {
    const { meta, ...rest } = splitMeta(fromFile.get(name) ?? {})
    const ownVariables = fromEnv.has(name)
    const envPrefix = PREFIX + name
    const type =
      ownVariables && isType(name) ? name.toLowerCase() : typeOf(name, fromFile.get(name), env[`${envPrefix}_TYPE`])
    if (type === undefined) {
      notices.push({ level: 'error', message: `TYPE Env var for pump ${name} not found` })
      continue
    }
    const whole = wholeMeta(env, envPrefix, report)
    const metaPrefix = ownVariables ? `${envPrefix}_META` : rest.prefix
    entries.push({ name, file: rest.file, meta: { ...meta, ...whole }, envPrefix, metaPrefix, type })
  }
  return entries
}

/** A sink of the file without a type is of the type it is named after; one of the environment needs a type. */
function typeOf(
  name: string,
  file: Readonly<Record<string, unknown>> | undefined,
  fromEnv: string | undefined,
): string | undefined {
  if (fromEnv !== undefined && fromEnv !== '') return fromEnv.toLowerCase()
  if (file === undefined) return undefined
  const written = valueOf(file, 'type')
  return typeof written === 'string' && written !== '' ? written.toLowerCase() : name.toLowerCase()
}

function entriesOfFile(pumps: unknown, report: ConfigReport): Map<string, Record<string, unknown>> {
  const entries = new Map<string, Record<string, unknown>>()
  if (pumps === undefined || pumps === null) return entries
  if (!isObject(pumps)) {
    report.problems.push({ key: 'pumps', message: 'expected an object with one member per sink' })
    return entries
  }
  for (const [written, value] of Object.entries(pumps)) {
    const name = written.toUpperCase()
    const key = `pumps.${written}`
    if (!isObject(value)) report.problems.push({ key, message: 'expected an object' })
    else if (entries.has(name))
      report.problems.push({ key, message: 'another sink has this name in other letter case' })
    else entries.set(name, value)
  }
  return entries
}

function namesInEnvironment(env: NodeJS.ProcessEnv): Set<string> {
  const names = Object.entries(env)
    .filter(([variable, value]) => variable.startsWith(PREFIX) && value !== undefined)
    .map(([variable]) => variable.slice(PREFIX.length).split('_'))
    .filter((parts) => parts.length > 1 && parts[0] !== '')
    .map((parts) => (parts[0] ?? '').toUpperCase())
  return new Set(names)
}

interface SplitEntry {
  readonly file: Record<string, unknown>
  readonly meta: Record<string, unknown>
  readonly prefix: string | null
}

/** Takes `meta`, and in it `meta_env_prefix`, out of an entry. */
function splitMeta(entry: Record<string, unknown>): SplitEntry {
  const isMeta = (key: string): boolean => key.toLowerCase() === 'meta'
  const isPrefix = (key: string): boolean => key.toLowerCase() === 'meta_env_prefix'
  const written = valueOf(entry, 'meta')
  const meta = isObject(written) ? written : {}
  const prefix = valueOf(meta, 'meta_env_prefix')
  return {
    file: Object.fromEntries(Object.entries(entry).filter(([key]) => !isMeta(key))),
    meta: Object.fromEntries(Object.entries(meta).filter(([key]) => !isPrefix(key))),
    prefix: typeof prefix === 'string' && prefix !== '' ? prefix : null,
  }
}

/** `TYK_PMP_PUMPS_<NAME>_META` as one JSON object, laid over the file's. */
function wholeMeta(env: NodeJS.ProcessEnv, envPrefix: string, report: ConfigReport): Record<string, unknown> {
  const variable = `${envPrefix}_META`
  const text = env[variable]
  if (text === undefined) return {}
  try {
    const meta: unknown = JSON.parse(text)
    if (isObject(meta)) return meta
  } catch {
    // Told below, without the text: it may hold a password.
  }
  report.problems.push({ key: 'meta', env: variable, message: 'expected a JSON object' })
  return {}
}

function valueOf(object: Readonly<Record<string, unknown>>, name: string): unknown {
  const key = Object.keys(object).find((candidate) => candidate.toLowerCase() === name)
  return key === undefined ? undefined : object[key]
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
