import type { Field } from '../../fields.ts'

/** A text column as the driver gives it; another program's table may hold anything. */
export function textOf(raw: unknown): string {
  if (typeof raw === 'string') return raw
  if (raw instanceof Uint8Array) return Buffer.from(raw).toString('utf8')
  return typeof raw === 'number' || typeof raw === 'bigint' ? String(raw) : ''
}

/** What a field of kind keyword means, from its column. */
export function keywordOf(field: Field, raw: unknown): string {
  const text = textOf(raw)
  return field.name === 'city' ? cityOf(text) : text
}

/** `{"en":"Paris","de":"Paris"}`. */
function cityOf(text: string): string {
  const names = parseJson(text)
  if (typeof names !== 'object' || names === null) return ''
  const name: unknown = 'en' in names ? names.en : Object.values(names)[0]
  return typeof name === 'string' ? name : ''
}

/** A JSON list of texts; anything else is one value. */
export function listOf(text: string): string[] {
  if (text === '' || text === '[]' || text === 'null') return []
  const list = parseJson(text)
  return Array.isArray(list) ? list.map((item) => (typeof item === 'string' ? item : JSON.stringify(item))) : [text]
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
