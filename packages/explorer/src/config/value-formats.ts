/**
 * How a text from the environment and a value from the JSON file become a typed value, in the formats that gateway and
 * pump have. Convict's own formats are not used: they take `12abc` for 12 and the empty text for true.
 */
import type { ValueFormat } from './section.ts'

export type Parsed =
  { readonly ok: true; readonly value: string | number | boolean } | { readonly ok: false; readonly expected: string }

interface Format {
  readonly expected: string
  /** Returns undefined when the text is none of this format. */
  fromText(text: string): string | number | boolean | undefined
  readonly jsonType: 'string' | 'number' | 'boolean'
}

export function parseText(format: ValueFormat, text: string): Parsed {
  const { fromText, expected } = formatOf(format)
  const value = fromText(text)
  return value === undefined ? { ok: false, expected } : { ok: true, value }
}

export function parseJson(format: ValueFormat, value: unknown): Parsed {
  const { jsonType, fromText, expected } = formatOf(format)
  const parsed = typeof value === jsonType ? fromText(String(value)) : undefined
  return parsed === undefined ? { ok: false, expected } : { ok: true, value: parsed }
}

const GO_TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
const GO_FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False'])

const FORMATS: Readonly<Record<Extract<ValueFormat, string>, Format>> = {
  string: { expected: 'a text', jsonType: 'string', fromText: (text) => text },
  'go-bool': {
    expected: 'true or false (also 1 t T 0 f F in the environment)',
    jsonType: 'boolean',
    fromText: (text) => (GO_TRUE.has(text) ? true : GO_FALSE.has(text) ? false : undefined),
  },
  'go-int': {
    expected: 'an integer',
    jsonType: 'number',
    fromText: (text) => (/^[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined),
  },
  'http-url': {
    expected: 'an address such as http://localhost:8083, without user and password',
    jsonType: 'string',
    fromText: (text) => urlOf(text, ['http:', 'https:'], { mayHaveUser: false }),
  },
  'http-url-with-user': {
    expected: 'an address such as http://localhost:9200, with %25 for a % in user and password',
    jsonType: 'string',
    fromText: (text) => urlOf(text, ['http:', 'https:'], { mayHaveUser: true }),
  },
  'redis-url': {
    expected: 'an address such as redis://localhost:6379/0',
    jsonType: 'string',
    fromText: (text) => urlOf(text, ['redis:', 'rediss:'], { mayHaveUser: true }),
  },
}

/** The empty text is an address that is not set, as compose files leave it. */
function urlOf(
  text: string,
  protocols: readonly string[],
  { mayHaveUser }: { readonly mayHaveUser: boolean },
): string | undefined {
  if (text.trim() === '') return ''
  const url = URL.parse(text.trim())
  if (url === null || !protocols.includes(url.protocol) || url.hostname === '') return undefined
  const user = [url.username, url.password]
  if (user.some((part) => part !== '' && !(mayHaveUser && isDecodable(part)))) return undefined
  return text.trim().replace(/\/+$/, '')
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** One of a few words, in any letter case. */
function oneOf(words: readonly string[]): Format {
  return {
    expected: `one of ${words.filter((word) => word !== '').join(', ')}`,
    jsonType: 'string',
    fromText: (text) => words.find((word) => word.toLowerCase() === text.toLowerCase()),
  }
}

function formatOf(format: ValueFormat): Format {
  return typeof format === 'string' ? FORMATS[format] : oneOf(format)
}
