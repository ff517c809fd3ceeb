/**
 * JSON as Go reads and writes it, for objects that several gateways store: names match in any letter case, null is the
 * zero value, a wrong type refuses the whole object, unknown members survive.
 */

/** A JSON text does not have the form Go's decoder accepts. */
export class GoJsonError extends Error {
  readonly code = 'GATEWAY_JSON_FORM'
}

/** Takes typed members out of one JSON object; `rest` is what nobody took. */
export interface ObjectReader {
  /** The value as it is; undefined for an absent member and for null. */
  take(name: string): unknown
  string(name: string): string
  number(name: string): number
  integer(name: string): number
  boolean(name: string): boolean
  strings(name: string): string[]
  /** An object with free members; null when absent. */
  map(name: string): Record<string, unknown> | null
  rest(): Record<string, unknown>
}

/** @param path - where the object stands, for messages: empty at the top, else ending with a dot. */
export function readObject(json: unknown, path = ''): ObjectReader {
  if (!isObject(json))
    throw new GoJsonError(`${path.slice(0, -1) || 'the text'}: expected an object, got ${describe(json)}`)
  const members = new Map(Object.entries(json))
  const folded = new Map([...members.keys()].map((name) => [name.toLowerCase(), name]))
  const take = (name: string): unknown => {
    const written = members.has(name) ? name : (folded.get(name) ?? name)
    const value = members.get(written)
    members.delete(written)
    return value ?? undefined
  }
  const checked = <T>(name: string, zero: T, expected: string, is: (value: unknown) => boolean): T => {
    const value = take(name)
    if (value === undefined) return zero
    if (!is(value)) throw new GoJsonError(`${path}${name}: expected ${expected}, got ${describe(value)}`)
    return value as T
  }
  return {
    take,
    string: (name) => checked(name, '', 'a string', (v) => typeof v === 'string'),
    number: (name) => checked(name, 0, 'a number', (v) => typeof v === 'number'),
    integer: (name) => checked(name, 0, 'an integer', Number.isInteger),
    boolean: (name) => checked(name, false, 'true or false', (v) => typeof v === 'boolean'),
    strings: (name) => checked<string[]>(name, [], 'a list of strings', isStringList),
    map: (name) => checked<Record<string, unknown> | null>(name, null, 'an object', isObject),
    rest: () => Object.fromEntries(members),
  }
}

/** Reads a list of objects, each with its own reader. */
export function readList<T>(json: unknown, path: string, read: (item: unknown, path: string) => T): T[] {
  if (json === undefined || json === null) return []
  if (!Array.isArray(json)) throw new GoJsonError(`${path}: expected a list, got ${describe(json)}`)
  return json.map((item, i) => read(item, `${path}[${i}].`))
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

const isStringList = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')

/** Says what kind of value came, never the value: these objects hold secrets. */
function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** Members without those at their zero value: `""`, 0, false, null, an empty list or object. */
export function withoutZeros(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => !isZero(value)))
}

function isZero(value: unknown): boolean {
  if (value === null || value === undefined || value === '' || value === 0 || value === false) return true
  if (Array.isArray(value)) return value.length === 0
  return typeof value === 'object' && Object.keys(value).length === 0
}

/** A copy with the members of every object in Go's order for maps: by name. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  const names = Object.keys(value).sort()
  return Object.fromEntries(names.map((name) => [name, sorted(value[name])]))
}

const ESCAPES: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
}

/** Formats as Go's encoder does: no spaces, and the characters that matter in HTML escaped. */
export const formatGoJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (char) => ESCAPES[char] ?? char)
