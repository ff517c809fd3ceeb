import type { Problem } from './config-error.ts'
import { fromText } from './formats.ts'
import { textMismatch } from './mismatch.ts'
import type { PlacedRow } from './section.ts'

/** The variables that set a key, good ones apart from bad ones. A variable that no row names is ignored. */
export interface EnvValues {
  readonly good: Readonly<Record<string, string>>
  readonly problems: readonly Problem[]
}

export function readEnv(rows: readonly PlacedRow[], env: NodeJS.ProcessEnv): EnvValues {
  const good: Record<string, string> = {}
  const problems: Problem[] = []
  for (const placed of rows) {
    const name = placed.row.env
    const text = name === undefined ? undefined : env[name]
    if (name === undefined || text === undefined) continue
    if (fromText(placed.row, text) === undefined) {
      problems.push({ source: 'env', text: textMismatch(placed, text) })
    } else {
      good[name] = text
    }
  }
  return { good, problems }
}
