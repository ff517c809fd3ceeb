import { ConfigError } from '../errors.ts'

export interface Problem {
  /** Place in the file, e.g. `analytics_storage_config.port`. */
  readonly key: string
  /** The variable the value came from, or could come from. */
  readonly env?: string | undefined
  /** What is wrong, in the form `expected an integer, got "6379a"`. */
  readonly message: string
}

/** What reading the configuration found. Problems are gathered so that one start shows all of them. */
export class ConfigReport {
  readonly problems: Problem[] = []
  /** Keys of the file that mean nothing here. */
  readonly unknownKeys: string[] = []
  /** Keys that the file or the environment gave a value. */
  readonly setKeys = new Set<string>()
  /** Keys that were set and have no effect in this version. */
  readonly pendingKeys: string[] = []

  /** @throws ConfigError naming every problem. */
  throwIfAny(): void {
    if (this.problems.length > 0) throw configError(this.problems)
  }
}

/** The error that lists problems. */
export const configError = (problems: readonly Problem[]): ConfigError => new ConfigError(formatProblems(problems))

function formatProblems(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  const lines = problems.map(({ key, env, message }) => `  ${key}${env === undefined ? '' : ` (${env})`}: ${message}`)
  return [`failed to process config: ${count}`, ...lines].join('\n')
}

/** A value as a message may show it: JSON, cut, or hidden. */
export function shown(value: unknown, sensitive: boolean): string {
  if (sensitive) return 'a hidden value'
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
