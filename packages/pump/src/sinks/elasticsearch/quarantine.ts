/** A document that is refused because of one field can still be counted when that field is moved aside. */

/** A field of a document by its name, as the errors of Elasticsearch 6 to 9 and OpenSearch put it. */
const NAMES_A_FIELD: readonly RegExp[] = [
  /^failed to parse (?:field )?\[([^\]]+)\]/,
  /^object mapping for \[([^\]]+)\]/,
  /^Document contains at least one immense term in field="([^"]+)"/,
  /^mapping set to strict, dynamic introduction of \[([^\]]+)\]/,
  /^mapper \[([^\]]+)\] (?:cannot be changed|of different type)/,
]

/** From version 8 on a place in the document comes first. */
const PLACE = /^\[\d+:\d+\] /

/** The field that the reason of a refusal names, without the part of it that is a sub-field; null when it names none. */
export function guiltyField(reason: string): string | null {
  return guiltyPath(reason)?.split('.')[0] ?? null
}

/** The same for documents of objects in objects: the whole name, with the part of it that is a sub-field if there is one. */
export function guiltyPath(reason: string): string | null {
  const text = reason.replace(PLACE, '')
  for (const pattern of NAMES_A_FIELD) {
    const name = pattern.exec(text)?.[1]
    if (name !== undefined) return name
  }
  return null
}

/** Where the fields go. */
const QUARANTINED = 'quarantined'

/** Without its time a document is in no chart, and a data stream takes none. */
const IMMOVABLE: ReadonlySet<string> = new Set(['@timestamp', QUARANTINED])

/**
 * UTF-16 units of one value. A term may have 32,766 bytes of UTF-8, which is 3 per unit at most: so a value is indexable as
 * `text`, as `keyword` and as whatever a template makes of strings.
 */
const MOST_UNITS = 8_000

const MOST_REASON_UNITS = 1_000

interface Quarantined {
  /** Names of the fields that are not where they belong: to be searched for and counted by. */
  readonly fields: string[]
  /** `name=value`; `name[0]=value`, `name[1]=value` … for a long one. The name in front keeps the value from being taken for a date or a number. */
  readonly values?: string[]
  readonly reasons: string[]
}

/**
 * The document with one field moved below `quarantined`, as text. Nothing of the value is lost. Returns null when the
 * document has no such field, or cannot be without it.
 *
 * @param path - The field's name, with dots where it lies in objects. What of it is no member, a sub-field, does not count.
 */
export function moveAside(document: string, path: string, reason: string): string | null {
  const whole = parse(document)
  const found = takeOut(whole, path)
  if (found === null) return null
  const { field, value } = found
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return withQuarantined(whole, [field], pieces(field, text), reason)
}

/** Takes the field out of the object, and what is empty without it. */
function takeOut(object: Record<string, unknown>, path: string): { field: string; value: unknown } | null {
  const [name = '', ...rest] = Object.hasOwn(object, path) ? [path] : path.split('.')
  if (IMMOVABLE.has(name) || !Object.hasOwn(object, name)) return null
  const value = object[name]
  if (rest.length > 0 && isObject(value)) {
    const inner = takeOut(value, rest.join('.'))
    if (inner === null) return null
    if (Object.keys(value).length === 0) Reflect.deleteProperty(object, name)
    return { field: `${name}.${inner.field}`, value: inner.value }
  }
  Reflect.deleteProperty(object, name)
  return { field: name, value }
}

/** An object of the document; a number of more digits than JavaScript has is none. */
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** The document with a note that the values of some fields were left out. */
export function noteLeftOut(document: string, fields: readonly string[], reason: string): string {
  return withQuarantined(parse(document), fields, [], reason)
}

function withQuarantined(
  { [QUARANTINED]: before, ...others }: Record<string, unknown>,
  fields: readonly string[],
  values: readonly string[],
  reason: string,
): string {
  const old = before as Quarantined | undefined
  const all = [...(old?.values ?? []), ...values]
  const quarantined: Quarantined = {
    fields: [...(old?.fields ?? []), ...fields],
    ...(all.length > 0 ? { values: all } : {}),
    reasons: [...(old?.reasons ?? []), reason.slice(0, MOST_REASON_UNITS)],
  }
  return JSON.stringify({ ...others, [QUARANTINED]: quarantined })
}

function pieces(field: string, text: string): string[] {
  if (text.length <= MOST_UNITS) return [`${field}=${text}`]
  const found: string[] = []
  for (let at = 0; at < text.length;) {
    let end = Math.min(at + MOST_UNITS, text.length)
    // Half of a pair is no character, and no JSON that every server takes.
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1
    found.push(`${field}[${found.length}]=${text.slice(at, end)}`)
    at = end
  }
  return found
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff

/** Integers beyond 2^53 keep their digits. */
function parse(document: string): Record<string, unknown> {
  return JSON.parse(document, (_, value: unknown, context?: { source?: string }) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
    return rawJson(context?.source ?? String(value))
  }) as Record<string, unknown>
}

/** Not in TypeScript's library yet. */
const { rawJSON: rawJson } = JSON as unknown as { rawJSON: (text: string) => unknown }
