/**
 * Tyk's value formats: how a text from the environment and a value from the JSON file become a typed value.
 *
 * Convict's own formats are not used: they take `12abc` for 12 and the empty text for true, which Go does not.
 */
import type { ValueFormat } from './section.ts'

export type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly expected: string }

interface Format {
  readonly expected: string
  /** Returns undefined when the text is none of this format. */
  fromText(text: string): unknown
  fromJson(value: unknown): unknown
}

/** Parses a value given by an environment variable. */
export function parseText(format: ValueFormat, text: string): Parsed {
  return answer(formatOf(format), (one) => one.fromText(text))
}

/** Checks the type of a value given by a JSON file. */
export function parseJson(format: ValueFormat, value: unknown): Parsed {
  return answer(formatOf(format), (one) => one.fromJson(value))
}

function answer(format: Format, read: (format: Format) => unknown): Parsed {
  const value = read(format)
  return value === undefined ? { ok: false, expected: format.expected } : { ok: true, value }
}

const GO_TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
const GO_FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False'])

/** An integer as Go's ParseInt with base 0 takes it: 0x, 0o, 0b and leading-zero octal, with _ between digits. */
export function parseGoInt(text: string): number | undefined {
  const match = /^([+-]?)(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|[0-9][0-9_]*)$/.exec(text)
  const digits = match?.[2]
  if (digits === undefined || digits.endsWith('_') || digits.includes('__')) return undefined
  const plain = digits.replaceAll('_', '').replace(/^0(?=[0-7]+$)/, '0o')
  if (/^0[0-9]/.test(plain)) return undefined
  const value = Number(plain) * (match?.[1] === '-' ? -1 : 1)
  return Number.isSafeInteger(value) ? value : undefined
}

const DURATION_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Milliseconds of a Go duration such as `1h2m3.5s`; `0` needs no unit. */
export function parseGoDuration(text: string): number | undefined {
  const match = /^([+-]?)((?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.exec(text)
  if (!match) return /^[+-]?0$/.test(text) ? 0 : undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * (DURATION_MS[unit ?? ''] ?? 0)
  }
  return match[1] === '-' ? -total : total
}

/** A list is split on commas without trimming; a blank text is the empty list. */
function splitList(text: string): string[] {
  return text.trim() === '' ? [] : text.split(',')
}

function parseIntList(text: string): number[] | undefined {
  const numbers = splitList(text).map(parseGoInt)
  return numbers.every((number) => number !== undefined) ? numbers : undefined
}

function parseMap(text: string): Record<string, string> | undefined {
  const pairs = splitList(text).map((item) => item.split(':'))
  return pairs.every((pair) => pair.length === 2) ? Object.fromEntries(pairs as [string, string][]) : undefined
}

/** `host:port` items; an item without a port is dropped, and so is what follows a second colon. */
function parseHosts(text: string): Record<string, string> {
  const pairs = splitList(text).map((item) => item.split(':'))
  return Object.fromEntries(pairs.filter((pair) => pair.length > 1).map(([host, port]) => [host, port]))
}

function parseJsonText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isStringMap(value: unknown): value is Record<string, string> {
  return isPlainObject(value) && Object.values(value).every((item) => typeof item === 'string')
}

function onlyIf<T>(holds: boolean, value: T): T | undefined {
  return holds ? value : undefined
}

const bool: Format = {
  expected: 'true or false (also 1 t T 0 f F in the environment)',
  fromText: (text) => (GO_TRUE.has(text) ? true : onlyIf(GO_FALSE.has(text), false)),
  fromJson: (value) => onlyIf(typeof value === 'boolean', value),
}

const integer: Format = {
  expected: 'an integer',
  fromText: parseGoInt,
  fromJson: (value) => onlyIf(Number.isSafeInteger(value), value),
}

const stringMap: Format = {
  expected: 'a map of texts (in the environment k:v,k2:v2)',
  fromText: parseMap,
  fromJson: (value) => onlyIf(isStringMap(value), value),
}

const json: Format = {
  expected: 'JSON',
  fromText: parseJsonText,
  fromJson: (value) => value,
}

const FORMATS: Readonly<Record<Extract<ValueFormat, string>, Format>> = {
  string: {
    expected: 'a text',
    fromText: (text) => text,
    fromJson: (value) => onlyIf(typeof value === 'string', value),
  },
  'go-bool': bool,
  'go-int': integer,
  'go-float': {
    expected: 'a number',
    fromText: (text) => onlyIf(/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text), Number(text)),
    fromJson: (value) => onlyIf(typeof value === 'number', value),
  },
  'go-duration': {
    expected: 'a duration such as 30s or 1m30s',
    fromText: parseGoDuration,
    fromJson: (value) => (typeof value === 'string' ? parseGoDuration(value) : undefined),
  },
  'string-list': {
    expected: 'a list of texts (in the environment separated by commas)',
    fromText: splitList,
    fromJson: (value) =>
      onlyIf(Array.isArray(value) && value.every((item: unknown) => typeof item === 'string'), value),
  },
  'int-list': {
    expected: 'a list of integers (in the environment separated by commas)',
    fromText: parseIntList,
    fromJson: (value) => onlyIf(Array.isArray(value) && value.every((item) => Number.isSafeInteger(item)), value),
  },
  'string-map': stringMap,
  'host-map': {
    ...stringMap,
    expected: 'hosts with ports (in the environment host:port,host2:port2)',
    fromText: parseHosts,
  },
  json,
  'json-merged': json,
}

/** One of a few words, in any letter case. */
function oneOf(words: readonly string[]): Format {
  const find = (text: string): string | undefined => words.find((word) => word.toLowerCase() === text.toLowerCase())
  return {
    expected: `one of ${words.filter((word) => word !== '').join(', ')}`,
    fromText: find,
    fromJson: (value) => (typeof value === 'string' ? find(value) : undefined),
  }
}

function formatOf(format: ValueFormat): Format {
  return typeof format === 'string' ? FORMATS[format] : oneOf(format)
}
