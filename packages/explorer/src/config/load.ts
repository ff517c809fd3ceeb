import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import convict from 'convict'
import { distance } from 'fastest-levenshtein'
import { type ExplorerOptions, explorerConfig } from './options.ts'
import { type Problem, shown, throwIfAny } from './report.ts'
import { type ConfigRow, type ConfigSection, isRow, rowsOf } from './section.ts'
import { type Parsed, parseJson, parseText } from './value-formats.ts'

export interface LoadOptions {
  /** null: only the environment. */
  readonly confPath: string | null
  readonly env: NodeJS.ProcessEnv
  /** Relative paths start here. */
  readonly cwd: string
}

export interface ExplorerConfig extends ExplorerOptions {
  readonly store: 'sqlite' | 'elasticsearch'
  /** What was written and means nothing here, for a warning. */
  readonly unknown: readonly string[]
}

const PREFIX = 'TEK_EXPLORER_'

/**
 * Loads the configuration: file, then environment.
 *
 * @throws ConfigError listing every problem, before anything was opened.
 */
export function loadConfig({ confPath, env, cwd }: LoadOptions): ExplorerConfig {
  const problems: Problem[] = []
  const unknown: string[] = unknownVariables(env)
  const written = flatten(explorerConfig, readFile(confPath, cwd, problems), '', problems, unknown)
  const config = convict(convictSchema(explorerConfig))
  for (const { key, row } of rowsOf(explorerConfig)) {
    const value = readRow(row, key, written.get(key), env[row.env], problems)
    // @types/convict asks for a path of its own schema type, which is built at run time here.
    if (value !== undefined) (config as { set(path: string, value: unknown): unknown }).set(key, value)
  }
  const options = config.getProperties() as ExplorerOptions
  // What is said of the whole would be about defaults in the place of values that are wrong.
  throwIfAny(problems)
  const store = checkWhole(options, cwd, problems)
  throwIfAny(problems)
  return deepFreeze({ ...options, store, unknown })
}

function readFile(path: string | null, cwd: string, problems: Problem[]): unknown {
  if (path === null) return undefined
  try {
    return JSON.parse(readFileSync(resolve(cwd, path), 'utf8').replace(/^\uFEFF/, ''))
  } catch (error) {
    // V8 quotes the text around a mistake, which may hold a password.
    const what = error instanceof SyntaxError ? 'expected JSON' : (error as Error).message
    problems.push({ key: '--conf', message: `${path}: ${what}` })
    return undefined
  }
}

function readRow(
  row: ConfigRow,
  key: string,
  file: unknown,
  env: string | undefined,
  problems: Problem[],
): string | number | boolean | undefined {
  const parsed: Parsed | undefined =
    env !== undefined ? parseText(row.format, env) : file === undefined ? undefined : parseJson(row.format, file)
  if (parsed === undefined) return undefined
  const got = shown(env ?? file, row.sensitive === true)
  const problem = (message: string): undefined => void problems.push({ key, env: row.env, message })
  if (!parsed.ok) return problem(`expected ${parsed.expected}, got ${got}`)
  const [least, most] = row.range ?? [-Infinity, Infinity]
  if (typeof parsed.value === 'number' && (parsed.value < least || parsed.value > most)) {
    return problem(`expected an integer from ${least} to ${most}, got ${got}`)
  }
  return parsed.value
}

/** The file's values by their declared key. Keys match in any letter case; null counts as absent. */
function flatten(
  section: ConfigSection,
  file: unknown,
  at: string,
  problems: Problem[],
  unknown: string[],
): Map<string, unknown> {
  const found = new Map<string, unknown>()
  if (file === undefined || file === null) return found
  if (typeof file !== 'object' || Array.isArray(file)) {
    problems.push({ key: at.slice(0, -1) || 'the file', message: `expected an object, got ${shown(file, at !== '')}` })
    return found
  }
  const declared = new Map(Object.keys(section).map((name) => [name.toLowerCase(), name]))
  for (const [key, value] of Object.entries(file)) {
    const name = declared.get(key.toLowerCase())
    const node = name === undefined ? undefined : section[name]
    if (node === undefined) unknown.push(at + key)
    else if (!isRow(node)) {
      for (const [inner, one] of flatten(node, value, `${at}${name}.`, problems, unknown)) found.set(inner, one)
    } else if (value !== null) found.set(at + name, value)
  }
  return found
}

/** Convict keeps the tree of defaults and values; formats and the environment are read here. */
function convictSchema(section: ConfigSection): object {
  return Object.fromEntries(
    Object.entries(section).map(([name, node]) => [
      name,
      isRow(node) ? { doc: node.doc, default: node.default, format: '*' } : convictSchema(node),
    ]),
  )
}

/** Rules that a row cannot say. Returns which store is meant. */
function checkWhole(options: ExplorerOptions, cwd: string, problems: Problem[]): 'sqlite' | 'elasticsearch' {
  const problem = (key: string, env: string, message: string): void => void problems.push({ key, env, message })
  const { sqlite, elasticsearch } = options
  const hasCredentials = options.password !== '' || options.token !== ''
  if (!isLoopback(options.listen_address) && !hasCredentials) {
    const cure =
      'set username and password (TEK_EXPLORER_USERNAME, TEK_EXPLORER_PASSWORD) or token (TEK_EXPLORER_TOKEN), or listen on 127.0.0.1'
    const message = `traffic data would be open to everybody who reaches ${shown(options.listen_address, false)}: ${cure}`
    problem('listen_address', 'TEK_EXPLORER_LISTENADDRESS', message)
  }
  if ((options.username === '') !== (options.password === '')) {
    const [key, env] = options.username === '' ? ['username', 'USERNAME'] : ['password', 'PASSWORD']
    problem(key, `TEK_EXPLORER_${env}`, 'basic authentication needs username and password, this one is not set')
  }
  if (options.username.includes(':')) {
    problem('username', 'TEK_EXPLORER_USERNAME', 'a name for basic authentication cannot hold a colon')
  }
  // Such a token would be in no header as it is here.
  if (!/^[\x21-\x7e]*$/.test(options.token)) {
    const message = 'expected letters, digits and signs of ASCII without blanks, got a hidden value'
    problem('token', 'TEK_EXPLORER_TOKEN', message)
  }
  const strange = namesIn(options.allowed_hosts).find((name) => !/^(?:[\w.-]+|\[[\da-f:]+\])$/.test(name))
  if (strange !== undefined) {
    const message = `expected names such as page.example.org, separated by commas, got ${shown(strange, false)}`
    problem('allowed_hosts', 'TEK_EXPLORER_ALLOWEDHOSTS', message)
  }
  if (options.traffic && options.gateway_url === '') {
    problem(
      'traffic',
      'TEK_EXPLORER_TRAFFIC',
      'needs the gateway to send to: set gateway_url (TEK_EXPLORER_GATEWAY_URL)',
    )
  }
  if (elasticsearch.api_key !== '' && elasticsearch.username !== '') {
    const message = 'is used in place of username and password: leave one of them out'
    problem('elasticsearch.api_key', 'TEK_EXPLORER_ELASTICSEARCH_APIKEY', message)
  }
  if (elasticsearch.index.trim() === '') {
    problem('elasticsearch.index', 'TEK_EXPLORER_ELASTICSEARCH_INDEX', 'expected the name of an index, got ""')
  }
  if (/[/\\?#"<>| ]/.test(elasticsearch.index)) {
    const message = `expected names or patterns without / \\ ? # " < > | and blanks, got ${shown(elasticsearch.index, false)}`
    problem('elasticsearch.index', 'TEK_EXPLORER_ELASTICSEARCH_INDEX', message)
  }
  const kind = options.store === '' ? (sqlite.file === '' ? 'elasticsearch' : 'sqlite') : options.store
  if (options.store === '' && sqlite.file !== '' && elasticsearch.url !== '') {
    const message = 'sqlite.file and elasticsearch.url are both set: say which one is read, sqlite or elasticsearch'
    problem('store', 'TEK_EXPLORER_STORE', message)
  } else if (options.store === '' && sqlite.file === '' && elasticsearch.url === '') {
    const message =
      'nothing to read: set sqlite.file (TEK_EXPLORER_SQLITE_FILE) or elasticsearch.url (TEK_EXPLORER_ELASTICSEARCH_URL)'
    problem('store', 'TEK_EXPLORER_STORE', message)
  } else if (kind === 'sqlite' && sqlite.file === '') {
    problem('sqlite.file', 'TEK_EXPLORER_SQLITE_FILE', 'store "sqlite" needs it, got ""')
  } else if (kind === 'elasticsearch' && elasticsearch.url === '') {
    problem('elasticsearch.url', 'TEK_EXPLORER_ELASTICSEARCH_URL', 'store "elasticsearch" needs it, got ""')
  }
  if (kind === 'elasticsearch' && elasticsearch.ca_file !== '') {
    try {
      readFileSync(resolve(cwd, elasticsearch.ca_file))
    } catch (error) {
      const message = `expected a file that can be read: ${(error as Error).message}`
      problem('elasticsearch.ca_file', 'TEK_EXPLORER_ELASTICSEARCH_CAFILE', message)
    }
  }
  return kind
}

/** Names of hosts that are separated by commas, in lower case and without their ports. */
export function namesIn(list: string): readonly string[] {
  return list
    .split(',')
    .map((name) => name.trim().toLowerCase().replace(/:\d+$/, ''))
    .filter((name) => name !== '')
}

/** Whether only this machine reaches it. */
export function isLoopback(address: string): boolean {
  return address.toLowerCase() === 'localhost' || /^127(\.\d{1,3}){3}$/.test(address) || address === '::1'
}

function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  const known = rowsOf(explorerConfig).map(({ row }) => row.env)
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name))
    .toSorted()
    .map((name) => {
      const near = known.find((candidate) => distance(candidate.replaceAll('_', ''), name.replaceAll('_', '')) <= 2)
      return near === undefined ? name : `${name} (did you mean ${near}?)`
    })
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const item of Object.values(value)) deepFreeze(item)
  return Object.freeze(value)
}
