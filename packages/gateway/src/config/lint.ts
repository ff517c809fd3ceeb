import { ConfigError } from './config-error.ts'
import { loadConfig, type LoadOptions } from './load.ts'

export interface LintResult {
  readonly exitCode: 0 | 1
  readonly lines: readonly string[]
}

/**
 * Checks the configuration and says what is wrong with it.
 *
 * The file stays as it is; Tyk's linter writes it anew with every key.
 */
export function lintConfig(options: LoadOptions): LintResult {
  try {
    const { path, warnings, pendingSet } = loadConfig({ ...options, args: { ...options.args, command: 'lint' } })
    const remarks = pendingSet.length === 0 ? [] : [`accepted, not in force yet: ${pendingSet.join(', ')}`]
    return { exitCode: 0, lines: [`found no issues in ${path ?? 'the environment'}`, ...warnings, ...remarks] }
  } catch (err) {
    if (!(err instanceof ConfigError)) throw err
    return { exitCode: 1, lines: [`issues found in ${err.path ?? 'the environment'}:`, ...err.problems] }
  }
}
