import { expected } from './formats.ts'
import { type ConfigRow, type ConfigSection, type PlacedRow, rowsOf } from './section.ts'

/**
 * The reference of a schema as Markdown: one table for the top-level keys, one per section.
 *
 * Rows stand in the order of declaration. Sensitive values show no default.
 */
export function configReference(schema: ConfigSection): string {
  const groups = Map.groupBy(rowsOf(schema), ({ key }) => (key.includes('.') ? key.slice(0, key.indexOf('.')) : ''))
  return [...groups]
    .toSorted(([a], [b]) => Number(a !== '') - Number(b !== ''))
    .map(([section, rows]) => [section === '' ? '## Top level' : `## \`${section}\``, '', table(rows)].join('\n'))
    .join('\n\n')
}

function table(rows: readonly PlacedRow[]): string {
  const head = ['| Key | Variable | Value | Default | What it does |', '|---|---|---|---|---|']
  return [...head, ...rows.map(line)].join('\n')
}

function line({ key, row }: PlacedRow): string {
  const cells = [
    `\`${key}\``,
    row.env === undefined ? '–' : `\`${row.env}\``,
    expected(row, 'json'),
    defaults(row),
    text(row),
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function defaults(row: ConfigRow): string {
  if (row.generated === undefined) return shown(row, row.default)
  return `${shown(row, row.default)}; without a file ${shown(row, row.generated)}`
}

function shown(row: ConfigRow, value: unknown): string {
  if (row.sensitive && value !== '') return 'not shown'
  return row.format === 'go-duration' ? `\`${Number(value)}\` ms` : `\`${JSON.stringify(value)}\``
}

function text(row: ConfigRow): string {
  const remarks = [row.doc]
  if (row.envOnly) remarks.push('Environment only.')
  if (row.reference) remarks.push('May be a reference.')
  if (row.pending) remarks.push('**Accepted, not in force yet.**')
  if (row.refused !== undefined) remarks.push(`**Refused unless it has its default: ${row.refused}.**`)
  return remarks.join(' ')
}
