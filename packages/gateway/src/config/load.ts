import type { CliOptions } from '../cli.ts'
import { logLevelProblem } from '../log/settings.ts'
import { unsetKeyOf } from '../secrets/create-stores.ts'
import { bindValues, setPath } from './bind.ts'
import { ConfigError, type Problem } from './config-error.ts'
import { findConfigFile, generatedValue, writeDefaultFile } from './config-file.ts'
import { decodeFile, type FileValues } from './decode-file.ts'
import { deepFreeze } from './deep-freeze.ts'
import { placeOf } from './mismatch.ts'
import { readEnv } from './read-env.ts'
import { emptyReferenceProblem, isStored, parseValue, resolveValue } from './references.ts'
import { applyDefaults, type ConfigValues, fillGaps, pendingKeys, refusals } from './rules.ts'
import { type GatewayConfig, gatewayConfig } from './schema.ts'
import { type PlacedRow, rowsOf } from './section.ts'
import { NEVER_EMPTY, type StoredValue } from './stored-references.ts'
import { describeUnknownKeys, unknownVariables } from './unknown-names.ts'

export interface LoadOptions {
  readonly args: CliOptions
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
}

export interface LoadedConfig {
  readonly config: GatewayConfig
  /** The file that was read or written; null when none was looked at. */
  readonly path: string | null
  /** Keys of the file and variables that mean nothing, each with what may have been meant. */
  readonly unknown: readonly string[]
  /** Values filled in because no gateway can do without, one line each. */
  readonly gaps: readonly string[]
  /** Lines to log as warnings, in this order; unknown names and gaps are among them. */
  readonly warnings: readonly string[]
  /** Lines to log as information, after the warnings. */
  readonly notes: readonly string[]
  /** Keys that were set to something and have no effect in this version. */
  readonly pendingSet: readonly string[]
  /** Values that still are references: `fetchStoredValues` fills them in. */
  readonly storedValues: readonly StoredValue[]
}

const rows = rowsOf(gatewayConfig)

/**
 * Loads the configuration: the file over the defaults, the environment over the file, references, then `--port`.
 * Nothing is asked over the network: references to Consul and Vault stay.
 *
 * @throws ConfigError with all problems at once.
 */
export function loadConfig({ args, env, cwd }: LoadOptions): LoadedConfig {
  const source = readSource(args, env, cwd)
  const environment = readEnv(rows, env)
  const problems: Problem[] = [...source.file.problems, ...environment.problems]
  const values = bindValues(gatewayConfig, source.file.values, environment.good)
  applyDefaults(rows, values)
  const references = resolveReferences(values, env, cwd)
  problems.push(...references.problems, ...refusals(rows, values))
  const levelProblem = logLevelProblem(values.get('log_level') as string, env, args.debug)
  if (levelProblem !== undefined) problems.push({ source: 'check', text: levelProblem })
  if (problems.length > 0) throw new ConfigError(problems, source.path)

  const gaps = fillGaps(rows, values, cwd)
  if (args.port !== null) values.set('listen_port', args.port)
  const keys = describeUnknownKeys(rows, source.file.unknownKeys)
  const variables = unknownVariables(rows, env)
  return {
    config: freezeValues(values),
    path: source.path,
    unknown: [...keys, ...variables],
    gaps,
    warnings: [
      ...source.warnings,
      ...(source.generated ? openDoorWarning(values) : []),
      ...listWarning('Ignoring unknown configuration keys', keys),
      ...listWarning('Ignoring unknown environment variables', variables),
      ...gaps,
    ],
    notes: source.notes,
    pendingSet: pendingKeys(rows, values),
    storedValues: references.storedValues,
  }
}

interface Source {
  readonly path: string | null
  readonly file: FileValues
  readonly warnings: readonly string[]
  readonly notes: readonly string[]
  /** There was no file. */
  readonly generated: boolean
}

function readSource(args: CliOptions, env: NodeJS.ProcessEnv, cwd: string): Source {
  // Tyk reads the file even then, or writes one, and throws the content away.
  if (env['TYK_GW_OMITCONFIGFILE']?.toLowerCase() === 'true') {
    return read(null, { values: new Map(), problems: [], unknownKeys: [] })
  }
  const { path, text } = findConfigFile(args.conf, cwd)
  if (text !== null) return read(path, decodeFile(text, gatewayConfig))
  return args.command === 'lint' ? missingFile(path) : generateFile(path, args.conf !== null)
}

function read(path: string | null, file: FileValues): Source {
  return { path, file, warnings: [], notes: [], generated: false }
}

function missingFile(path: string): Source {
  const problem: Problem = { source: 'file', text: 'no such file' }
  return read(path, { values: new Map(), problems: [problem], unknownKeys: [] })
}

/** The file gets the built-in values alone: Tyk also writes what the environment sets into it, secrets included. */
function generateFile(path: string, given: boolean): Source {
  const failure = writeDefaultFile(path, gatewayConfig)
  const values = new Map(rows.map(({ key, row }) => [key, generatedValue(row)]))
  const warnings = [
    given
      ? `--conf ${path} does not exist: writing a default file there and starting with it`
      : `No config file found, writing default to ${path}`,
  ]
  if (failure !== undefined) warnings.push(`Could not write ${path} (${failure}), going on with the defaults`)
  return {
    path,
    file: { values, problems: [], unknownKeys: [] },
    warnings,
    notes: ['Loading default configuration...'],
    generated: true,
  }
}

/** Nobody chose this: without a file and without variables anyone who reaches the port may change every API. */
function openDoorWarning(values: ConfigValues): string[] {
  if (values.get('secret') !== gatewayConfig.secret.generated || values.get('listen_address') !== '') return []
  return [
    'The default file is not safe to be reached: its secret (TYK_GW_SECRET) is publicly known and opens the control API, ' +
      `and listen_address (TYK_GW_LISTENADDRESS) is every interface, port ${String(values.get('listen_port'))}`,
  ]
}

interface ResolvedReferences {
  readonly problems: readonly Problem[]
  readonly storedValues: readonly StoredValue[]
}

function resolveReferences(values: ConfigValues, env: NodeJS.ProcessEnv, cwd: string): ResolvedReferences {
  const sources = {
    env,
    cwd,
    secrets: values.get('secrets') as Record<string, string>,
    basePath: values.get('kv.file.base_path') as string,
    stored: () => {
      throw new TypeError('no store is asked here')
    },
  }
  const problems: Problem[] = []
  const storedValues: StoredValue[] = []
  const refuse = (placed: PlacedRow, reason: string): void => {
    problems.push({ source: 'check', text: `${placeOf(placed)}: ${reason}` })
  }
  for (const placed of rows.filter(({ row }) => row.reference)) {
    const text = values.get(placed.key) as string
    const parsed = parseValue(text)
    if ('problem' in parsed) {
      refuse(placed, parsed.problem)
      continue
    }
    const { parts } = parsed
    if (isStored(parts)) {
      const unset = unsetStore(parts, values)
      if (unset === null) storedValues.push({ placed, text, parts })
      else refuse(placed, `${text}: ${unset} is not set`)
      continue
    }
    const resolved = resolveValue(parts, sources)
    if ('problem' in resolved) {
      refuse(placed, resolved.problem)
      continue
    }
    values.set(placed.key, resolved.value)
    const empty = NEVER_EMPTY.has(placed.key) ? emptyReferenceProblem(text, parts, resolved.value) : undefined
    if (empty !== undefined) refuse(placed, empty)
  }
  return { problems, storedValues }
}

/** What has to be set before the stores that a value refers to can be asked; null: they can. */
function unsetStore(parts: StoredValue['parts'], values: ConfigValues): string | null {
  const text = (key: string): string => values.get(key) as string
  const consul = { address: text('kv.consul.address') }
  const vault = {
    address: text('kv.vault.address'),
    agent_address: text('kv.vault.agent_address'),
    token: text('kv.vault.token'),
  }
  for (const part of parts) {
    if (typeof part === 'string' || (part.store !== 'consul' && part.store !== 'vault')) continue
    const unset = unsetKeyOf(part.store, { consul, vault })
    if (unset !== null) return unset
  }
  return null
}

function listWarning(heading: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`${heading}: ${names.join(', ')}`]
}

function freezeValues(values: ConfigValues): GatewayConfig {
  const config: Record<string, unknown> = {}
  for (const [key, value] of values) setPath(config, key, value)
  return deepFreeze(config) as unknown as GatewayConfig
}
