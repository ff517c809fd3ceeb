import type * as Api from '../../api/schema.ts'
import { type Field, findField } from '../../fields.ts'
import { rawText } from '../raw-message.ts'
import type { Hit } from './search.ts'

type Value = Api.RequestRow['fields'][string]

/**
 * A document as a row, with the asked fields alone; a field that it lacks is null.
 *
 * @param mostRaw - Characters of a raw message; the rest is cut off.
 */
export function toRow(
  { _id: id, _source: source = {} }: Hit,
  columns: readonly string[],
  mostRaw = Infinity,
): Api.RequestRow {
  const fields: Record<string, Value> = {}
  for (const name of columns) {
    const field = findField(name)
    const value = field === undefined ? null : valueOf(field, storedValue(source, field))
    fields[name] = field?.kind === 'text' && typeof value === 'string' ? rawText(value).slice(0, mostRaw) : value
  }
  return { id, fields }
}

/** Of which members of a document `storedValue` reads a field. */
export function membersOf(name: string): readonly string[] {
  const field = findField(name)
  return [field?.elasticsearch, field?.dataStream].filter((path) => path != null)
}

/** What a document of either kind has of a field, as it was written. */
export function storedValue(
  source: Readonly<Record<string, unknown>>,
  { elasticsearch: flat, dataStream }: Field,
): unknown {
  const inStream = dataStream?.split('.').reduce<unknown>((part, name) => (part as Part)?.[name], source)
  return inStream ?? (flat === null ? undefined : source[flat])
}

type Part = Readonly<Record<string, unknown>> | null | undefined

/** What stands in a document may be anything, since others write to the index as well. */
function valueOf({ kind }: Field, value: unknown): Value {
  if (value == null) return null
  switch (kind) {
    case 'number':
      return typeof value === 'number' ? value : numberOf(value)
    case 'boolean':
      return value === true || value === 'true'
    case 'list':
      return (Array.isArray(value) ? value : [value]).map(textOf)
    case 'date':
      return timeOf(value)
    case 'keyword':
    case 'text':
      return textOf(value)
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))

function numberOf(value: unknown): number | null {
  const number = Number(value)
  return typeof value === 'string' && value !== '' && Number.isFinite(number) ? number : null
}

/** UTC with milliseconds, as the API says times. */
function timeOf(value: unknown): string {
  const at = typeof value === 'number' ? value : Date.parse(String(value))
  return Number.isNaN(at) ? String(value) : new Date(at).toISOString()
}
