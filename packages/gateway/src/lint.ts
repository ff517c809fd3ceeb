/** `lint`: the configuration, and the files it points at, without starting anything. */
import { domainProblem } from './api-definition/domain.ts'
import { unguardedReason } from './api-definition/guards.ts'
import { ApiFolderError, loadDefinitions } from './api-definition/load.ts'
import { lintConfig } from './config/lint.ts'
import type { LoadedConfig, LoadOptions } from './config/load.ts'
import type { Log } from './log/log.ts'
import { createLogger } from './log/logger.ts'
import { loadPolicies, PolicyLoadError } from './session/policies.ts'

export interface LintResult {
  readonly exitCode: 0 | 1
  readonly lines: readonly string[]
}

const NOT_CHECKED =
  'not checked: targets, listen paths, certificates, error templates, misspelt keys of API definitions; Redis, Consul and Vault are not asked'

/** Says what is wrong; the exit code is 1 when anything is. */
export async function lint(options: LoadOptions): Promise<LintResult> {
  const { path, loaded, issues: own, remarks } = lintConfig(options)
  const files = loaded === null ? { issues: [], remarks: [] } : await lintFiles(loaded, options)
  const issues = [...own, ...files.issues]
  const where = path ?? 'the environment'
  return {
    exitCode: issues.length > 0 ? 1 : 0,
    lines: [
      issues.length > 0 ? `issues found in ${where}:` : `found no issues in ${where}`,
      ...issues,
      ...remarks,
      ...files.remarks,
    ],
  }
}

interface Findings {
  readonly issues: readonly string[]
  readonly remarks: readonly string[]
}

async function lintFiles({ config }: LoadedConfig, { env, cwd }: LoadOptions): Promise<Findings> {
  const issues: string[] = []
  const log = collect(issues)
  const checked: string[] = []
  try {
    const sources = { env, secrets: config.secrets, basePath: config.kv.file.base_path, cwd, values: null }
    const { definitions } = await loadDefinitions(config.app_path, sources, log)
    for (const { file, definition } of definitions) {
      const reason = unguardedReason(definition) ?? domainProblem(definition, config)
      if (reason !== null) issues.push(`${file}: this API will not be served: ${reason}`)
    }
    checked.push(`${counted(definitions.length, 'API definition', 'API definitions')} in ${config.app_path || '.'}`)
    const policies = await loadPolicies(config, log, true)
    checked.push(counted(policies.length, 'policy', 'policies'))
  } catch (err) {
    if (!(err instanceof ApiFolderError) && !(err instanceof PolicyLoadError)) throw err
    issues.push(err.message)
  }
  return { issues, remarks: [...(checked.length > 0 ? [`read: ${checked.join(', ')}`] : []), NOT_CHECKED] }
}

/** A log whose warnings and errors become issues: the loaders speak as they do at a start. */
function collect(issues: string[]): Log {
  const write = (line: string): void => {
    const { message, level: _l, time: _t, prefix: _p, ...fields } = JSON.parse(line) as Record<string, unknown>
    const details = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`)
    issues.push([message, ...details].join(' '))
  }
  return createLogger({ format: 'json', level: 'warn', destination: { write } })
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
