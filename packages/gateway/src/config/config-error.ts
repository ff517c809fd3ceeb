/** One thing that is wrong with the configuration. */
export interface Problem {
  /** Which of the headings it stands below. */
  readonly source: 'file' | 'env' | 'check'
  /** The whole line. */
  readonly text: string
}

/** The configuration cannot be used. The message lists every problem. */
export class ConfigError extends Error {
  readonly code = 'GATEWAY_CONFIG'
  readonly problems: readonly string[]
  /** The configuration file, if one was looked at. */
  readonly path: string | null

  constructor(problems: readonly Problem[], path: string | null, options?: ErrorOptions) {
    super(describe(problems, path), options)
    this.path = path
    this.problems = problems.map(({ text }) => text)
  }
}

function describe(problems: readonly Problem[], path: string | null): string {
  const headings: Readonly<Record<Problem['source'], string>> = {
    file: `couldn't unmarshal config ${path ?? ''}`.trimEnd(),
    env: 'failed to process config env vars',
    check: 'configuration refused',
  }
  const sources = ['file', 'env', 'check'] as const
  return sources
    .map((source) => ({ heading: headings[source], texts: problems.filter((problem) => problem.source === source) }))
    .filter(({ texts }) => texts.length > 0)
    .map(({ heading, texts }) => {
      const count = `${texts.length} ${texts.length === 1 ? 'problem' : 'problems'}`
      return [`${heading}: ${count}`, ...texts.map(({ text }) => `  ${text}`)].join('\n')
    })
    .join('\n')
}
