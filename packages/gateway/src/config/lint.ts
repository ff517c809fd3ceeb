import { ConfigError } from './config-error.ts'
import { type LoadedConfig, loadConfig, type LoadOptions } from './load.ts'

export interface ConfigFindings {
  /** The configuration when it could be loaded. */
  readonly loaded: LoadedConfig | null
  /** The file that was looked at; null when there is none to look at. */
  readonly path: string | null
  /** What is wrong. */
  readonly issues: readonly string[]
  /** What a gateway would start with and say so. */
  readonly remarks: readonly string[]
}

/**
 * Checks file and environment.
 *
 * The file stays as it is; Tyk's linter writes it anew with every key.
 */
export function lintConfig(options: LoadOptions): ConfigFindings {
  try {
    const loaded = loadConfig({ ...options, args: { ...options.args, command: 'lint' } })
    const { path, unknown, gaps, pendingSet } = loaded
    const pending = pendingSet.length === 0 ? [] : [`accepted, not in force yet: ${pendingSet.join(', ')}`]
    return { loaded, path, issues: unknown.map((name) => `unknown: ${name}`), remarks: [...gaps, ...pending] }
  } catch (err) {
    if (!(err instanceof ConfigError)) throw err
    return { loaded: null, path: err.path, issues: err.problems, remarks: [] }
  }
}
