import net from 'node:net'
import { Ajv, type ErrorObject } from 'ajv'
import { RE2JS } from 're2js'
import { UNIQUE_ITEMS } from './unique-items.ts'

/** A schema that cannot be compiled: its API is not served, because nothing would check the bodies. */
export class SchemaError extends Error {
  readonly code = 'GATEWAY_JSON_SCHEMA'
}

/** Finds what is wrong with a value; null when it fits. */
export type SchemaCheck = (value: unknown, sizeBytes: number) => readonly ErrorObject[] | null

/** In a body up to this size every problem is looked for: each takes memory, and a few bytes can make one. */
const MAX_BYTES_FOR_ALL_PROBLEMS = 64 * 1024

/**
 * Compiles a JSON schema of draft 4, 6 or 7.
 *
 * @throws SchemaError for what is no schema, or refers to one elsewhere.
 */
export function compileSchema(schema: unknown): SchemaCheck {
  if (typeof schema !== 'boolean' && (typeof schema !== 'object' || schema === null || Array.isArray(schema))) {
    throw new SchemaError('schema: expected an object')
  }
  try {
    const converted = toDraft7(schema) as object
    const untilFirst = createAjv(false).compile(converted)
    const all = createAjv(true).compile(converted)
    return (value, sizeBytes) => {
      if (untilFirst(value)) return null
      if (sizeBytes > MAX_BYTES_FOR_ALL_PROBLEMS) return untilFirst.errors ?? []
      all(value)
      return all.errors ?? []
    }
  } catch (err) {
    throw new SchemaError(`schema: ${(err as Error).message}`, { cause: err })
  }
}

function createAjv(allErrors: boolean): Ajv {
  const ajv = new Ajv({
    allErrors,
    // Messages tell the type that came.
    verbose: true,
    strict: false,
    // A property that every object inherits is not one of the body.
    ownProperties: true,
    logger: false,
    formats: FORMATS,
    code: { regExp: linearRegExp },
  })
  ajv.removeKeyword('uniqueItems')
  return ajv.addKeyword(UNIQUE_ITEMS)
}

/** Patterns run over request data, so they are matched in linear time. */
const linearRegExp = Object.assign(
  (pattern: string) => {
    const compiled = RE2JS.compile(pattern)
    return { test: (text: string) => compiled.test(text), toString: () => `/${pattern}/` }
  },
  { code: 'new RegExp' },
)

const matching = (pattern: string): ((text: string) => boolean) => {
  const compiled = RE2JS.compile(pattern)
  return (text) => compiled.test(text)
}

const DATE = String.raw`\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])`
const TIME = String.raw`([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?`
const ZONE = String.raw`([zZ]|[+-]\d\d:\d\d)`

/** Formats that are checked; others are only a remark. */
const FORMATS: Record<string, (text: string) => boolean> = {
  date: matching(`^${DATE}$`),
  time: matching(`^${TIME}${ZONE}?$`),
  'date-time': matching(`^(${DATE}|${DATE}[Tt ]${TIME}${ZONE}?|${TIME}${ZONE}?)$`),
  hostname: matching(
    String.raw`^([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-]{0,61}[a-zA-Z0-9])(\.([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-]{0,61}[a-zA-Z0-9]))*$`,
  ),
  email: matching(String.raw`^[^\s@<>]+@[^\s@<>]+$`),
  'idn-email': matching(String.raw`^[^\s@<>]+@[^\s@<>]+$`),
  ipv4: (text) => net.isIPv4(text),
  ipv6: (text) => net.isIPv6(text),
  uri: matching(String.raw`^[a-zA-Z][a-zA-Z0-9+.\-]*:[^\s\\]*$`),
  'uri-reference': matching(String.raw`^[^\s\\]*$`),
  iri: matching(String.raw`^[a-zA-Z][a-zA-Z0-9+.\-]*:[^\s\\]*$`),
  'iri-reference': matching(String.raw`^[^\s\\]*$`),
  uuid: matching('^(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'),
  'json-pointer': matching('^(?:/(?:[^~/]|~0|~1)*)*$'),
  'relative-json-pointer': matching('^(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~0|~1)*)*)$'),
  regex(text) {
    try {
      RE2JS.compile(text)
      return true
    } catch {
      return false
    }
  },
}

const IN_LISTS = new Set(['allOf', 'anyOf', 'oneOf'])
const IN_MAPS = new Set(['properties', 'patternProperties', 'definitions', 'dependencies'])
const NESTED = new Set(['additionalProperties', 'additionalItems', 'items', 'not', 'contains', 'propertyNames'])
for (const keyword of ['if', 'then', 'else']) NESTED.add(keyword)

/**
 * A schema of any of the drafts in the form of draft 7: `id` becomes `$id`, and a bound with a flag beside it a bound
 * that is exclusive itself. Which draft it claims to be does not matter then.
 */
function toDraft7(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toDraft7)
  if (typeof schema !== 'object' || schema === null) return schema
  const given = schema as Record<string, unknown>
  const converted: Record<string, unknown> = {}
  for (const [keyword, value] of Object.entries(given)) {
    if (keyword === '$schema') continue
    if (keyword === 'id' && typeof value === 'string') converted['$id'] = value
    else if (NESTED.has(keyword) || IN_LISTS.has(keyword)) converted[keyword] = toDraft7(value)
    else if (IN_MAPS.has(keyword) && typeof value === 'object' && value !== null) {
      converted[keyword] = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, toDraft7(inner)]))
    } else converted[keyword] = value
  }
  makeExclusive(converted, 'minimum', 'exclusiveMinimum')
  makeExclusive(converted, 'maximum', 'exclusiveMaximum')
  return converted
}

function makeExclusive(schema: Record<string, unknown>, bound: string, flag: string): void {
  if (typeof schema[flag] !== 'boolean') return
  if (schema[flag] && schema[bound] !== undefined) {
    schema[flag] = schema[bound]
    delete schema[bound]
  } else {
    delete schema[flag]
  }
}
