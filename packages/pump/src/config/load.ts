import { findSink, sinkDefinitions } from '../sinks/index.ts'
import type { SinkDefinition } from '../sinks/types.ts'
import { findDeadLetterSink } from './dead-letter-sink.ts'
import { leaseCapOptions } from './lease-cap-options.ts'
import { type EnvValue, coreEnv, loadSection } from './load-section.ts'
import { type Notice, readConfigFile } from './read-file.ts'
import { type Resolve, createResolver } from './references.ts'
import { ConfigReport } from './report.ts'
import { type CoreConfig, type LeaseCapConfig, type SinkOptions, pumpConfig, sinkOptions } from './schema.ts'
import type { ConfigOf, ConfigRow, ConfigSection } from './section.ts'
import { type SinkEntry, collectSinks } from './sink-entries.ts'
import { unknownVariables } from './unknown-variables.ts'

export interface LoadOptions {
  readonly confPath: string
  readonly env: NodeJS.ProcessEnv
  /** Relative paths start here. */
  readonly cwd: string
  /** The file is not to be done without. */
  readonly confMustExist?: boolean
  /** More sinks than the registry's, for tests. */
  readonly definitions?: readonly SinkDefinition[]
}

/** One sink as configured: everything `createPump` needs to create it. */
export interface ConfiguredSink {
  readonly name: string
  readonly definition: SinkDefinition
  readonly options: SinkOptions
  readonly meta: ConfigOf<ConfigSection>
}

export interface PumpConfig {
  readonly core: CoreConfig
  readonly sinks: readonly ConfiguredSink[]
  /** What to log once logging is set up. */
  readonly notices: readonly Notice[]
}

/**
 * Loads the configuration: file, environment, references.
 *
 * @throws ConfigError listing every problem, before anything was opened.
 */
export function loadConfig(options: LoadOptions): PumpConfig {
  const { env, cwd } = options
  const report = new ConfigReport()
  const notices: Notice[] = []
  const omitted = env['TYK_PMP_OMITCONFIGFILE']?.toLowerCase() === 'true'
  const place = { path: options.confPath, cwd, mustExist: options.confMustExist === true }
  const file = omitted ? undefined : readConfigFile(place, report, notices)
  // What is wrong besides would be that of the defaults.
  if (place.mustExist) report.throwIfAny()
  const { pumps, rest } = splitPumps(file)

  const resolve = loadResolver(rest, env, report)
  const core = loadSection(pumpConfig, { file: rest, place: '', env: coreEnv(env), envName, resolve }, report)
  checkCore(core, env, report)
  checkLeaseCap(core, report)
  const sinks = loadSinks(pumps, options, resolve, report, notices)
  checkDeadLetters(core, sinks, report)
  report.throwIfAny()
  return Object.freeze({ core, sinks, notices: [...notices, ...noticesOf(core, report)] })
}

const envName = (row: ConfigRow): string | undefined => row.env

function splitPumps(file: unknown): { pumps: unknown; rest: unknown } {
  if (typeof file !== 'object' || file === null || Array.isArray(file)) return { pumps: undefined, rest: file }
  const isPumps = (key: string): boolean => key.toLowerCase() === 'pumps'
  const entries = Object.entries(file)
  return {
    pumps: entries.findLast(([key]) => isPumps(key))?.[1],
    rest: Object.fromEntries(entries.filter(([key]) => !isPumps(key))),
  }
}

/** The stores come first: everything else may refer to them. */
function loadResolver(file: unknown, env: NodeJS.ProcessEnv, report: ConfigReport): Resolve {
  const resolve: Resolve = (text) => text
  // Its report is a scratch one: the same section is read again, and reported, with everything else.
  const { stores } = loadSection(
    { kv: pumpConfig.kv },
    { file: pick(file, 'kv'), place: '', env: coreEnv(env), envName, resolve },
    new ConfigReport(),
  ).kv
  return createResolver(stores, env, report)
}

function pick(file: unknown, name: string): unknown {
  if (typeof file !== 'object' || file === null) return undefined
  return Object.fromEntries(Object.entries(file).filter(([key]) => key.toLowerCase() === name))
}

const LOG_LEVELS = new Set(['', 'error', 'warn', 'debug', 'info'])

/** Rules that a row cannot say. */
function checkCore(core: CoreConfig, env: NodeJS.ProcessEnv, report: ConfigReport): void {
  const storage = core.analytics_storage_config
  const { analytics_storage_type: type, log_level: level } = core
  const problem = (key: string, name: string, message: string): void => {
    report.problems.push({ key, env: name, message })
  }
  if (type !== '' && type !== 'redis') {
    problem(
      'analytics_storage_type',
      'TYK_PMP_ANALYTICSSTORAGETYPE',
      `Invalid analytics storage type: ${type}, expected redis`,
    )
  }
  if (storage.type !== '' && storage.type !== 'redis') {
    const message = `unsupported database type: ${storage.type}, expected redis`
    problem('analytics_storage_config.type', 'TYK_PMP_ANALYTICSSTORAGECONFIG_TYPE', message)
  }
  if (storage.ssl_min_version > storage.ssl_max_version) {
    const message = `expected at most ssl_max_version (${storage.ssl_max_version}), got ${storage.ssl_min_version}`
    problem('analytics_storage_config.ssl_min_version', 'TYK_PMP_ANALYTICSSTORAGECONFIG_SSLMINVERSION', message)
  }
  if ((env['TYK_LOGLEVEL'] ?? '') === '' && !LOG_LEVELS.has(level.toLowerCase())) {
    const message = `Invalid log level "${level}" specified in config, must be error, warn, debug or info.`
    problem('log_level', 'TYK_PMP_LOGLEVEL', message)
  }
}

/** A policy that could never act, or not act wholly, must not look as if it did. */
function checkLeaseCap({ lease_cap: config }: CoreConfig, report: ConfigReport): void {
  const { policy } = config
  const problem = (name: keyof LeaseCapConfig, message: string): void => {
    report.problems.push({ key: `lease_cap.${name}`, env: leaseCapOptions[name].env, message })
  }
  if (policy !== 'block' && config.max_bytes === 0 && config.max_records === 0) {
    const cure = 'set lease_cap.max_bytes (TYK_PMP_LEASECAP_MAXBYTES) or max_records (TYK_PMP_LEASECAP_MAXRECORDS)'
    problem('policy', `"${policy}" needs a cap: ${cure}`)
  }
  if (policy === 'spill' && config.spill_dir === '') {
    problem('spill_dir', 'policy "spill" needs a folder for its files that outlives the pump, got ""')
  }
  if (policy !== 'spill' && config.spill_dir !== '') {
    const cure = 'set lease_cap.policy (TYK_PMP_LEASECAP_POLICY) to spill, or leave it out'
    problem('spill_dir', `has no effect with policy "${policy}": ${cure}; files there are read with spill alone`)
  }
  if (policy !== 'spill' && config.spill_max_bytes > 0) {
    const cure = 'set lease_cap.policy (TYK_PMP_LEASECAP_POLICY) to spill, or leave it out'
    problem('spill_max_bytes', `has no effect with policy "${policy}": ${cure}`)
  }
}

function checkDeadLetters(
  { dead_letters: config }: CoreConfig,
  sinks: readonly ConfiguredSink[],
  report: ConfigReport,
): void {
  if (config.destination !== 'elasticsearch') return
  const found = findDeadLetterSink(config, sinks)
  if (!('problem' in found)) return
  const key = `dead_letters.${found.key}`
  report.problems.push({ key, env: `TYK_PMP_DEADLETTERS_${found.key.toUpperCase()}`, message: found.problem })
}

function loadSinks(
  pumps: unknown,
  options: LoadOptions,
  resolve: Resolve,
  report: ConfigReport,
  notices: Notice[],
): ConfiguredSink[] {
  const find = (type: string): SinkDefinition | undefined =>
    options.definitions?.find((definition) => definition.type === type) ?? findSink(type)
  const isType = (name: string): boolean => find(name.toLowerCase()) !== undefined
  const entries = collectSinks(pumps, options.env, isType, report, notices)
  const unknown = unknownVariables(options.env, entries, find)
  if (unknown.length > 0) {
    notices.push({ level: 'warn', message: `unknown environment variables are ignored: ${unknown.join(', ')}` })
  }
  const names = new Set(entries.map(({ name }) => name))
  return entries.flatMap((entry) => {
    const definition = find(entry.type)
    if (definition !== undefined) return [loadSink(entry, definition, names, options.env, resolve, report)]
    const known = [...sinkDefinitions, ...(options.definitions ?? [])].map(({ type }) => type).join(', ')
    const message = `Pump load error (skipping): ${entry.type} Not found`
    notices.push({ level: 'error', message, fields: { pump: entry.name, known } })
    return []
  })
}

function loadSink(
  entry: SinkEntry,
  definition: SinkDefinition,
  names: ReadonlySet<string>,
  env: NodeJS.ProcessEnv,
  resolve: Resolve,
  report: ConfigReport,
): ConfiguredSink {
  const place = `pumps.${entry.name}`
  const own = suffixed(env, entry.envPrefix)
  const meta = suffixed(env, entry.metaPrefix ?? defaultPrefix(entry, definition, names))
  return {
    name: entry.name,
    definition,
    options: loadSection(sinkOptions, { file: entry.file, place, resolve, ...own }, report),
    meta: loadSection(definition.options, { file: entry.meta, place: `${place}.meta`, resolve, ...meta }, report),
  }
}

/**
 * The type's own prefix, e.g. `TYK_PMP_PUMPS_ELASTICSEARCH_META`; unless its variables belong to another sink of that
 * name. In Tyk they reach every sink of the type.
 */
function defaultPrefix(entry: SinkEntry, definition: SinkDefinition, names: ReadonlySet<string>): string {
  const owner = /^TYK_PMP_PUMPS_(.+)_META$/.exec(definition.envPrefix)?.[1]
  const taken = owner !== undefined && owner !== entry.name && names.has(owner)
  return taken ? `${entry.envPrefix}_META` : definition.envPrefix
}

function suffixed(env: NodeJS.ProcessEnv, prefix: string): Pick<Parameters<typeof loadSection>[1], 'env' | 'envName'> {
  const nameOf = (row: ConfigRow): string | undefined => (row.env === undefined ? undefined : `${prefix}_${row.env}`)
  return {
    envName: nameOf,
    env: (row): EnvValue | undefined => {
      const name = nameOf(row)
      const text = name === undefined ? undefined : env[name]
      return name === undefined || text === undefined ? undefined : { name, text }
    },
  }
}

function noticesOf(core: CoreConfig, report: ConfigReport): Notice[] {
  const notices: Notice[] = []
  const deprecated = (option: string): void => {
    const message = `Global ${option}_decoded setting is deprecated. Please use pump level ${option}_decoded configuration instead.`
    notices.push({ level: 'warn', message })
  }
  if (core.raw_request_decoded) deprecated('raw_request')
  if (core.raw_response_decoded) deprecated('raw_response')
  if (report.unknownKeys.length > 0) {
    notices.push({ level: 'warn', message: `unknown configuration keys are ignored: ${report.unknownKeys.join(', ')}` })
  }
  if (report.pendingKeys.length > 0) {
    notices.push({ level: 'warn', message: `accepted, not in force yet: ${report.pendingKeys.join(', ')}` })
  }
  if (!report.setKeys.has('purge_delay')) {
    const message = 'purge_delay is not set, using 10 seconds (TYK_PMP_PURGEDELAY)'
    notices.push({ level: 'info', message })
  }
  return notices
}
