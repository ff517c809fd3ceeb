import type { RequestRow } from './schema.ts'

type Value = RequestRow['fields'][string] | undefined

/** The first line of a CSV file. */
export function csvHead(columns: readonly string[]): string {
  return `${columns.map(quoted).join(',')}\r\n`
}

export function csvLine({ fields }: RequestRow, columns: readonly string[]): string {
  return `${columns.map((name) => cell(fields[name])).join(',')}\r\n`
}

export function ndjsonLine({ fields }: RequestRow, columns: readonly string[]): string {
  return `${JSON.stringify(Object.fromEntries(columns.map((name) => [name, fields[name] ?? null])))}\n`
}

function cell(value: Value): string {
  if (value == null) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return quoted(defused(typeof value === 'string' ? value : value.join(', ')))
}

/**
 * Spreadsheets take a cell that begins like this for a formula, and run it. The quote before it makes it a text, and is not
 * shown by them.
 */
function defused(text: string): string {
  return /^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) || /^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
