import { parseArgs } from 'node:util'

export type Command =
  | { readonly kind: 'run'; readonly confPath: string | null }
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'refuse'; readonly message: string }

const HELP = `usage: tek-explorer [--conf=FILE]

Serves a page over the traffic that the pump has stored, in a SQLite file or in Elasticsearch.

  -c, --conf=FILE   JSON file with options; variables TEK_EXPLORER_… beat it.
      --version     Show the version.
  -h, --help        Show this help.

The least it needs is one of
  TEK_EXPLORER_SQLITE_FILE=tyk_analytics.db
  TEK_EXPLORER_ELASTICSEARCH_URL=http://localhost:9200
All options: docs/reference/explorer-config.md.
`

export function parseCommand(args: readonly string[], version: string): Command {
  try {
    const { values } = parseArgs({
      args: [...args],
      strict: true,
      options: {
        conf: { type: 'string', short: 'c' },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help === true) return { kind: 'print', text: HELP }
    if (values.version === true) return { kind: 'print', text: `${version}\n` }
    return { kind: 'run', confPath: values.conf ?? null }
  } catch (error) {
    return { kind: 'refuse', message: `${(error as Error).message} (try --help)` }
  }
}
