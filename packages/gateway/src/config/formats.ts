import { durationNs, parseDurationMs } from './duration.ts'
import { parseGoBool, parseGoFloat, parseGoInt, parseGoList, parseGoMap, parseJsonInt } from './go-values.ts'
import { type JsonNode, JsonSyntaxError, parseJson, plainValue } from './json-document.ts'
import type { ConfigRow, ValueFormat } from './section.ts'

/** How the values of one format are read. `undefined` always means: not of this format. */
interface FormatRules {
  readonly expectedText: string
  readonly expectedJson: string
  fromText(text: string): unknown
  fromNode(node: JsonNode): unknown
  /** The form of a value in the configuration file. */
  toJson(value: unknown): unknown
}

type NamedFormat = Exclude<ValueFormat, readonly string[]>

const same = (value: unknown): unknown => value

const anInteger = 'an integer'
const aBoolean = 'true or false'
const aNumber = 'a number'

/** One row per format. */
const rules: Readonly<Record<NamedFormat, FormatRules>> = {
  string: {
    expectedText: 'text',
    expectedJson: 'a string',
    fromText: same,
    fromNode: stringOf,
    toJson: same,
  },
  'go-bool': {
    expectedText: `${aBoolean} (also 1 t T 0 f F)`,
    expectedJson: aBoolean,
    fromText: parseGoBool,
    fromNode: (node) => (node.kind === 'boolean' ? node.value : undefined),
    toJson: same,
  },
  'go-int': {
    expectedText: anInteger,
    expectedJson: anInteger,
    fromText: parseGoInt,
    fromNode: integerOf,
    toJson: same,
  },
  'go-float': {
    expectedText: aNumber,
    expectedJson: aNumber,
    fromText: parseGoFloat,
    fromNode: (node) => (node.kind === 'number' ? finite(Number(node.text)) : undefined),
    toJson: same,
  },
  'go-duration': {
    expectedText: 'a duration such as 10s or 1m30s',
    expectedJson: 'an integer of nanoseconds',
    fromText: parseDurationMs,
    fromNode: (node) => {
      const ns = integerOf(node)
      return ns === undefined ? undefined : ns / 1e6
    },
    toJson: (value) => durationNs(value as number),
  },
  'string-list': {
    expectedText: 'a list with commas',
    expectedJson: 'a list of strings',
    fromText: parseGoList,
    fromNode: (node) => listOf(node, stringOf, ''),
    toJson: same,
  },
  'int-list': {
    expectedText: 'integers with commas',
    expectedJson: 'a list of integers',
    fromText: (text) => allDefined(parseGoList(text).map(parseGoInt)),
    fromNode: (node) => listOf(node, integerOf, 0),
    toJson: same,
  },
  'string-map': {
    expectedText: 'k1:v1,k2:v2 with one colon in each part',
    expectedJson: 'an object of strings',
    fromText: parseGoMap,
    fromNode: (node) => mapOf(node, stringOf, ''),
    toJson: same,
  },
  'certificate-list': {
    expectedText: 'a JSON list of {"domain_name", "cert_file", "key_file"}',
    expectedJson: 'a list of {"domain_name", "cert_file", "key_file"}',
    fromText: (text) => fromJsonText(text, certificatesOf),
    fromNode: certificatesOf,
    toJson: same,
  },
  'message-map': {
    expectedText: 'a JSON object of {"message", "code"}',
    expectedJson: 'an object of {"message", "code"}',
    fromText: (text) => fromJsonText(text, messagesOf),
    fromNode: messagesOf,
    toJson: same,
  },
  json: jsonRules(),
  'json-merged': jsonRules(),
}

export function fromText(row: ConfigRow, text: string): unknown {
  if (isOneOf(row.format)) return row.format.includes(text) ? text : undefined
  return checked(row, rules[row.format].fromText(text))
}

export function fromNode(row: ConfigRow, node: JsonNode): unknown {
  if (isOneOf(row.format)) return node.kind === 'string' && row.format.includes(node.value) ? node.value : undefined
  return checked(row, rules[row.format].fromNode(node))
}

/** The form of a row's value in the configuration file. */
export function toJson(row: ConfigRow, value: unknown): unknown {
  return isOneOf(row.format) ? value : rules[row.format].toJson(value)
}

/** What a row expects, for messages and documentation. */
export function expected(row: ConfigRow, from: 'text' | 'json'): string {
  if (isOneOf(row.format)) return `one of ${row.format.map((value) => JSON.stringify(value)).join(', ')}`
  if (row.format === 'json' || row.format === 'json-merged') {
    const kind = Array.isArray(row.default) ? 'list' : 'object'
    return from === 'text' ? `a JSON ${kind}` : `${kind === 'list' ? 'a' : 'an'} ${kind}`
  }
  const range = row.range === undefined ? '' : ` from ${row.range[0]} to ${row.range[1]}`
  return (from === 'text' ? rules[row.format].expectedText : rules[row.format].expectedJson) + range
}

export function isOneOf(format: ValueFormat): format is readonly string[] {
  return Array.isArray(format)
}

function checked(row: ConfigRow, value: unknown): unknown {
  if (typeof value === 'number' && row.range !== undefined && (value < row.range[0] || value > row.range[1])) {
    return undefined
  }
  const free = row.format === 'json' || row.format === 'json-merged'
  return free && Array.isArray(value) !== Array.isArray(row.default) ? undefined : value
}

function jsonRules(): FormatRules {
  const compound = (node: JsonNode): unknown =>
    node.kind === 'list' || node.kind === 'object' ? plainValue(node) : undefined
  return {
    expectedText: 'JSON',
    expectedJson: 'a list or an object',
    fromText: (text) => fromJsonText(text, compound),
    fromNode: compound,
    toJson: same,
  }
}

function fromJsonText(text: string, read: (node: JsonNode) => unknown): unknown {
  try {
    return read(parseJson(text))
  } catch (err) {
    if (err instanceof JsonSyntaxError) return undefined
    throw err
  }
}

function stringOf(node: JsonNode): string | undefined {
  return node.kind === 'string' ? node.value : undefined
}

function integerOf(node: JsonNode): number | undefined {
  return node.kind === 'number' ? parseJsonInt(node.text) : undefined
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined
}

function allDefined<T>(values: readonly (T | undefined)[]): T[] | undefined {
  return values.every((value) => value !== undefined) ? (values as T[]) : undefined
}

function listOf<T>(node: JsonNode, read: (node: JsonNode) => T | undefined, zero: T): T[] | undefined {
  if (node.kind !== 'list') return undefined
  return allDefined(node.items.map((item) => (item.kind === 'null' ? zero : read(item))))
}

function mapOf<T>(node: JsonNode, read: (node: JsonNode) => T | undefined, zero: T): Record<string, T> | undefined {
  if (node.kind !== 'object') return undefined
  const entries = node.members.map(([name, member]) => [name, member.kind === 'null' ? zero : read(member)] as const)
  return entries.every(([, value]) => value !== undefined)
    ? (Object.fromEntries(entries) as Record<string, T>)
    : undefined
}

function certificatesOf(node: JsonNode): unknown {
  const empty = { domain_name: '', cert_file: '', key_file: '' }
  return listOf(node, (item) => fieldsOf(item, empty), empty)
}

function messagesOf(node: JsonNode): unknown {
  const empty = { message: '', code: 0 }
  return mapOf(node, (item) => fieldsOf(item, empty), empty)
}

/** The known fields of an object, in any letter case; each has the type of its zero value. */
function fieldsOf<T extends Readonly<Record<string, string | number>>>(node: JsonNode, zero: T): T | undefined {
  if (node.kind !== 'object') return undefined
  const fields: Record<string, string | number> = { ...zero }
  for (const [name, member] of node.members) {
    const field = name.toLowerCase()
    if (member.kind === 'null' || !Object.hasOwn(zero, field)) continue
    const value = typeof zero[field] === 'string' ? stringOf(member) : integerOf(member)
    if (value === undefined) return undefined
    fields[field] = value
  }
  return fields as T
}
