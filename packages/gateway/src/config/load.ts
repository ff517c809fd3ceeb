import type { CliOptions } from '../cli.ts'
import { logLevelProblem } from '../log/settings.ts'
import { bindValues, setPath } from './bind.ts'
import { ConfigError, type Problem } from './config-error.ts'
import { findConfigFile, generatedValue, writeDefaultFile } from './config-file.ts'
import { decodeFile, type FileValues } from './decode-file.ts'
import { deepFreeze } from './deep-freeze.ts'
import { placeOf } from './mismatch.ts'
import { readEnv } from './read-env.ts'
import { resolveReference } from './references.ts'
import { applyDefaults, type ConfigValues, fillGaps, pendingKeys, refusals } from './rules.ts'
import { type GatewayConfig, gatewayConfig } from './schema.ts'
import { type PlacedRow, rowsOf } from './section.ts'

export interface LoadOptions {
  readonly args: CliOptions
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
}

export interface LoadedConfig {
  readonly config: GatewayConfig
  /** The file that was read or written; null when none was looked at. */
  readonly path: string | null
  /** Lines to log as warnings, in this order. */
  readonly warnings: readonly string[]
  /** Lines to log as information, after the warnings. */
  readonly notes: readonly string[]
  /** Keys that were set to something and have no effect in this version. */
  readonly pendingSet: readonly string[]
}

const rows = rowsOf(gatewayConfig)

/**
 * Loads the configuration: the file over the defaults, the environment over the file, references, then `--port`.
 *
 * @throws ConfigError with all problems at once.
 */
export function loadConfig({ args, env, cwd }: LoadOptions): LoadedConfig {
  const source = readSource(args, env, cwd)
  const environment = readEnv(rows, env)
  const problems: Problem[] = [...source.file.problems, ...environment.problems]
  const values = bindValues(gatewayConfig, source.file.values, environment.good)
  applyDefaults(rows, values)
  problems.push(...resolveReferences(values, env, cwd), ...refusals(rows, values))
  const levelProblem = logLevelProblem(values.get('log_level') as string, env, args.debug)
  if (levelProblem !== undefined) problems.push({ source: 'check', text: levelProblem })
  if (problems.length > 0) throw new ConfigError(problems, source.path)

  const gaps = fillGaps(rows, values, cwd)
  if (args.port !== null) values.set('listen_port', args.port)
  return {
    config: freezeValues(values),
    path: source.path,
    warnings: [...source.warnings, ...unknownKeyWarning(source.file.unknownKeys), ...gaps],
    notes: source.notes,
    pendingSet: pendingKeys(rows, values),
  }
}

interface Source {
  readonly path: string | null
  readonly file: FileValues
  readonly warnings: readonly string[]
  readonly notes: readonly string[]
}

function readSource(args: CliOptions, env: NodeJS.ProcessEnv, cwd: string): Source {
  // Tyk reads the file even then, or writes one, and throws the content away.
  if (env['TYK_GW_OMITCONFIGFILE']?.toLowerCase() === 'true') {
    return { path: null, file: { values: new Map(), problems: [], unknownKeys: [] }, warnings: [], notes: [] }
  }
  const { path, text } = findConfigFile(args.conf, cwd)
  if (text !== null) return { path, file: decodeFile(text, gatewayConfig), warnings: [], notes: [] }
  return args.command === 'lint' ? missingFile(path) : generateFile(path)
}

function missingFile(path: string): Source {
  const problem: Problem = { source: 'file', text: 'no such file' }
  return { path, file: { values: new Map(), problems: [problem], unknownKeys: [] }, warnings: [], notes: [] }
}

/** The file gets the built-in values alone: Tyk also writes what the environment sets into it, secrets included. */
function generateFile(path: string): Source {
  const failure = writeDefaultFile(path, gatewayConfig)
  const values = new Map(rows.map(({ key, row }) => [key, generatedValue(row)]))
  const warnings = [`No config file found, writing default to ${path}`]
  if (failure !== undefined) warnings.push(`Could not write ${path} (${failure}), going on with the defaults`)
  return {
    path,
    file: { values, problems: [], unknownKeys: [] },
    warnings,
    notes: ['Loading default configuration...'],
  }
}

function resolveReferences(values: ConfigValues, env: NodeJS.ProcessEnv, cwd: string): Problem[] {
  const sources = {
    env,
    cwd,
    secrets: values.get('secrets') as Record<string, string>,
    basePath: values.get('kv.file.base_path') as string,
  }
  const problems: Problem[] = []
  for (const placed of rows.filter(({ row }) => row.reference)) {
    const resolved = resolveReference(values.get(placed.key) as string, sources)
    if ('value' in resolved) values.set(placed.key, resolved.value)
    else problems.push(referenceProblem(placed, resolved.problem))
  }
  return problems
}

function referenceProblem(placed: PlacedRow, reason: string): Problem {
  return { source: 'check', text: `${placeOf(placed)}: ${reason}` }
}

function unknownKeyWarning(keys: readonly string[]): string[] {
  return keys.length === 0 ? [] : [`Ignoring unknown configuration keys: ${keys.join(', ')}`]
}

function freezeValues(values: ConfigValues): GatewayConfig {
  const config: Record<string, unknown> = {}
  for (const [key, value] of values) setPath(config, key, value)
  return deepFreeze(config) as unknown as GatewayConfig
}
