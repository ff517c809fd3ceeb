import { type ConfiguredSink, type LoadOptions, type PumpConfig, loadConfig } from '../../config/load.ts'
import { ConfigError } from '../../errors.ts'
import { type Step, failed, ok, warning } from './step.ts'

export interface LoadedConfig {
  readonly step: Step
  /** null: it cannot be used. */
  readonly config: PumpConfig | null
}

const NO_SINK =
  'Name the file with --conf PATH, add an entry to "pumps" in it, or set TYK_PMP_PUMPS_<NAME>_TYPE: docs/configuration.md shows both.'

/** Loads the configuration as the pump does. */
export function checkConfig(options: LoadOptions): LoadedConfig {
  const { confPath, env } = options
  let config: PumpConfig
  try {
    config = loadConfig(options)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { step: refused(error), config: null }
  }
  const troubles = config.notices.filter(({ level }) => level !== 'info')
  const notes = troubles.map(({ message }) => message).join('; ')
  if (config.sinks.length === 0) {
    const why = notes === '' ? 'no sink is configured' : `no sink is configured: ${notes}`
    return { step: failed('config', why, NO_SINK), config: null }
  }
  const from = env['TYK_PMP_OMITCONFIGFILE']?.toLowerCase() === 'true' ? 'the environment' : confPath
  const detail = `${from}; ${describe(config.sinks)}`
  if (troubles.length === 0) return { step: ok('config', detail), config }
  return { step: warning('config', `${detail}; ${notes}`, 'Correct the file or the variable that is named.'), config }
}

/** Options of a sink that cannot work are found when it is created, everything else before. */
export function refused(error: ConfigError): Step {
  return failed(
    'config',
    error.message.replaceAll(/\n\s*/g, '; '),
    'Correct what is named; docs/reference has every key.',
  )
}

function describe(sinks: readonly ConfiguredSink[]): string {
  const names = sinks.map(({ name, definition }) => `${name} (${definition.type})`)
  return `${names.length === 1 ? 'sink' : 'sinks'} ${names.join(', ')}`
}
